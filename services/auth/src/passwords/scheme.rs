//! How a stored hash was made: its algorithm and parameters, which decide what checking a password against it costs.

use crate::config::PasswordHash;

/// Marks bcrypt hashes of a digest of the password; plain ones come from systems that ShopFlow replaced.
pub(super) const DIGESTED_BCRYPT: &str = "bcrypt-sha256:";

/// The beginning of a stored hash, up to its salt, such as `$argon2id$v=19$m=19456,t=2,p=1` or `$2b$12`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Scheme(String);

impl Scheme {
    /// The scheme of new hashes.
    pub(super) fn configured(parameters: PasswordHash) -> Self {
        Self(match parameters {
            PasswordHash::Argon2id { memory_kib, iterations, parallelism } => {
                format!("$argon2id$v=19$m={memory_kib},t={iterations},p={parallelism}")
            }
            PasswordHash::Bcrypt { cost } => format!("{DIGESTED_BCRYPT}$2b${cost:02}"),
        })
    }

    /// A scheme as the store reports it: the beginning of hashes of its accounts.
    pub(crate) fn stored(beginning: String) -> Self {
        Self(beginning)
    }

    /// Whether a stored hash is of this scheme.
    pub(super) fn made(&self, hash: &str) -> bool {
        hash.strip_prefix(&self.0).is_some_and(|rest| rest.starts_with('$'))
    }

    /// A hash of this scheme whose password nobody knows: checking one against it costs what it costs for an account.
    /// Salt and hash are zeros in the base64 of the algorithm.
    pub(super) fn decoy(&self) -> String {
        if self.0.starts_with("$argon2") {
            format!("{}${}${}", self.0, "A".repeat(22), "A".repeat(43))
        } else {
            format!("{}${}{}", self.0, ".".repeat(22), ".".repeat(31))
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("$2b$12", "$2b$12$abc", true)]
    #[case("$2b$12", "$2b$120$abc", false)]
    #[case("$2b$12", "bcrypt-sha256:$2b$12$abc", false)]
    #[case("$argon2id$v=19$m=64,t=1,p=1", "$argon2id$v=19$m=64,t=1,p=1$AAAA$BBBB", true)]
    #[case("$argon2id$v=19$m=64,t=1,p=1", "$argon2id$v=19$m=64,t=1,p=16$AAAA$BBBB", false)]
    fn a_hash_is_of_the_scheme_that_it_begins_with(
        #[case] scheme: &str,
        #[case] hash: &str,
        #[case] expected: bool,
    ) {
        assert_eq!(Scheme::stored(scheme.to_owned()).made(hash), expected);
    }

    #[rstest]
    #[case(PasswordHash::default())]
    #[case(PasswordHash::Bcrypt { cost: 12 })]
    fn a_decoy_is_of_its_scheme(#[case] parameters: PasswordHash) {
        let scheme = Scheme::configured(parameters);
        assert!(scheme.made(&scheme.decoy()));
    }
}
