//! Password hashing: one algorithm for new hashes, every known one for verification.

mod pool;

use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use sha2::{Digest, Sha256};

pub use pool::{HashingPool, PoolError};

use crate::config::PasswordHash;
use crate::domain::password;

/// Marks bcrypt hashes of a digest of the password; plain ones come from systems that ShopFlow replaced.
const DIGESTED_BCRYPT: &str = "bcrypt-sha256:";

/// bcrypt ignores everything after this many bytes.
const BCRYPT_MAX_BYTES: usize = 72;

/// A password that could not be hashed, or a stored hash that could not be read.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// The configured parameters are outside what the algorithm allows.
    #[error("password hash parameters are not usable")]
    Parameters(#[source] argon2::Error),
    /// Argon2 failed.
    #[error("argon2id failed")]
    Argon2(#[source] argon2::password_hash::Error),
    /// bcrypt failed.
    #[error("bcrypt failed")]
    Bcrypt(#[from] bcrypt::BcryptError),
    /// The stored text is no hash of a known algorithm.
    #[error("the stored password hash is of no known algorithm")]
    Unknown,
}

/// What a password is worth against a stored hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is not the password.
    Mismatch,
    /// It is the password.
    Match {
        /// The hash was made with other parameters than those configured now.
        outdated: bool,
    },
}

/// Hashes and verifies. CPU-bound: call it through [`HashingPool`].
#[derive(Debug)]
pub struct Hasher {
    parameters: PasswordHash,
    argon2: Argon2<'static>,
    // Verified against when the account is unknown, so that an answer takes the same work either way.
    decoy: String,
}

impl Hasher {
    /// Prepares the configured algorithm.
    pub fn new(parameters: PasswordHash) -> Result<Self, HashError> {
        let params = match parameters {
            PasswordHash::Argon2id { memory_kib, iterations, parallelism } => {
                Params::new(memory_kib, iterations, parallelism, None).map_err(HashError::Parameters)?
            }
            PasswordHash::Bcrypt { .. } => Params::default(),
        };
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let mut hasher = Self { parameters, argon2, decoy: String::new() };
        hasher.decoy = hasher.hash(&STANDARD_NO_PAD.encode(rand::random::<[u8; 24]>()))?;
        Ok(hasher)
    }

    /// Hashes a new password with a salt of its own.
    pub fn hash(&self, password: &str) -> Result<String, HashError> {
        match self.parameters {
            PasswordHash::Argon2id { .. } => {
                let hash = self.argon2.hash_password(password.as_bytes()).map_err(HashError::Argon2)?;
                Ok(hash.to_string())
            }
            PasswordHash::Bcrypt { cost } => {
                let hash = bcrypt::non_truncating_hash(digest(password), cost)?;
                Ok(format!("{DIGESTED_BCRYPT}{hash}"))
            }
        }
    }

    /// Verifies `password`; `stored` is `None` for an unknown account, which costs the same and never matches.
    pub fn verify(&self, password: &str, stored: Option<&str>) -> Result<Verdict, HashError> {
        if !password::can_match(password) {
            return Ok(Verdict::Mismatch);
        }
        let matches = self.matches(password, stored.unwrap_or(&self.decoy))?;
        Ok(match stored {
            Some(stored) if matches => Verdict::Match { outdated: self.is_outdated(stored) },
            _ => Verdict::Mismatch,
        })
    }

    fn matches(&self, password: &str, stored: &str) -> Result<bool, HashError> {
        if stored.starts_with("$argon2") {
            return match self.argon2.verify_password(password.as_bytes(), stored) {
                Ok(()) => Ok(true),
                Err(argon2::password_hash::Error::PasswordInvalid) => Ok(false),
                Err(error) => Err(HashError::Argon2(error)),
            };
        }
        if let Some(hash) = stored.strip_prefix(DIGESTED_BCRYPT) {
            return Ok(bcrypt::verify(digest(password), hash)?);
        }
        if stored.starts_with("$2") {
            return Ok(password.len() <= BCRYPT_MAX_BYTES && bcrypt::verify(password, stored)?);
        }
        Err(HashError::Unknown)
    }

    fn is_outdated(&self, stored: &str) -> bool {
        !stored.starts_with(&self.current_prefix())
    }

    /// How a hash made with the configured parameters begins.
    fn current_prefix(&self) -> String {
        match self.parameters {
            PasswordHash::Argon2id { memory_kib, iterations, parallelism } => {
                format!("$argon2id$v=19$m={memory_kib},t={iterations},p={parallelism}$")
            }
            PasswordHash::Bcrypt { cost } => format!("{DIGESTED_BCRYPT}$2b${cost:02}$"),
        }
    }
}

/// Base64 of a digest: 43 bytes without zero bytes, whatever the password's length. The prefix keeps plain SHA-256
/// digests leaked elsewhere from being tried against our hashes.
fn digest(password: &str) -> String {
    let digest = Sha256::new().chain_update(b"shopflow/password").chain_update(password).finalize();
    STANDARD_NO_PAD.encode(digest)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const ARGON2: PasswordHash = PasswordHash::Argon2id { memory_kib: 64, iterations: 1, parallelism: 1 };
    const BCRYPT: PasswordHash = PasswordHash::Bcrypt { cost: 4 };

    fn hasher(parameters: PasswordHash) -> Hasher {
        Hasher::new(parameters).unwrap()
    }

    #[rstest]
    #[case(ARGON2)]
    #[case(BCRYPT)]
    fn a_hash_matches_its_password_only(#[case] parameters: PasswordHash) {
        let hasher = hasher(parameters);
        let stored = hasher.hash("S3cur3P@ssw0rd!").unwrap();
        assert_eq!(
            hasher.verify("S3cur3P@ssw0rd!", Some(&stored)).unwrap(),
            Verdict::Match { outdated: false }
        );
        assert_eq!(hasher.verify("s3cur3P@ssw0rd!", Some(&stored)).unwrap(), Verdict::Mismatch);
        assert_ne!(stored, hasher.hash("S3cur3P@ssw0rd!").unwrap());
        assert!(stored.len() <= 255);
    }

    #[rstest]
    #[case(ARGON2, BCRYPT)]
    #[case(BCRYPT, ARGON2)]
    #[case(BCRYPT, PasswordHash::Bcrypt { cost: 5 })]
    #[case(ARGON2, PasswordHash::Argon2id { memory_kib: 64, iterations: 2, parallelism: 1 })]
    fn a_hash_with_other_parameters_matches_but_is_outdated(
        #[case] old: PasswordHash,
        #[case] new: PasswordHash,
    ) {
        let stored = hasher(old).hash("S3cur3P@ssw0rd!").unwrap();
        let verdict = hasher(new).verify("S3cur3P@ssw0rd!", Some(&stored)).unwrap();
        assert_eq!(verdict, Verdict::Match { outdated: true });
    }

    #[test]
    fn no_byte_of_a_long_password_is_ignored_by_bcrypt() {
        let hasher = hasher(BCRYPT);
        let long = "a".repeat(200);
        let stored = hasher.hash(&long).unwrap();
        assert_eq!(hasher.verify(&format!("{}b", &long[..199]), Some(&stored)).unwrap(), Verdict::Mismatch);
        assert_eq!(hasher.verify("a\0a", Some(&hasher.hash("a\0b").unwrap())).unwrap(), Verdict::Mismatch);
    }

    #[test]
    fn plain_bcrypt_hashes_of_other_systems_match_and_are_outdated() {
        let stored = bcrypt::hash("S3cur3P@ssw0rd!", 4).unwrap();
        let hasher = hasher(BCRYPT);
        assert_eq!(
            hasher.verify("S3cur3P@ssw0rd!", Some(&stored)).unwrap(),
            Verdict::Match { outdated: true }
        );
        let cut = bcrypt::hash("a".repeat(80), 4).unwrap();
        assert_eq!(hasher.verify(&"a".repeat(80), Some(&cut)).unwrap(), Verdict::Mismatch);
    }

    #[test]
    fn an_unknown_account_never_matches() {
        let hasher = hasher(ARGON2);
        assert_eq!(hasher.verify("S3cur3P@ssw0rd!", None).unwrap(), Verdict::Mismatch);
    }

    #[test]
    fn a_password_beyond_the_limit_is_not_hashed() {
        let hasher = hasher(ARGON2);
        assert_eq!(hasher.verify(&"a".repeat(1025), Some("not even a hash")).unwrap(), Verdict::Mismatch);
    }

    #[test]
    fn text_that_is_no_hash_is_an_error_not_a_match() {
        assert!(matches!(hasher(ARGON2).verify("x", Some("plain")), Err(HashError::Unknown)));
    }
}
