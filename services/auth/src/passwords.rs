//! Password hashing: one scheme for new hashes, every known one for verification.

mod metrics;
mod pool;
mod scheme;

use std::ops::RangeInclusive;
use std::sync::Arc;

use arc_swap::ArcSwap;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bcrypt::BcryptError;
use sha2::{Digest, Sha256};

pub(crate) use metrics::HashMetrics;
pub(crate) use pool::{HashingPool, Lane, PoolError};
pub(crate) use scheme::Scheme;

use crate::config::PasswordHash;
use crate::domain::password;
use scheme::DIGESTED_BCRYPT;

/// bcrypt ignores everything after this many bytes.
const BCRYPT_MAX_BYTES: usize = 72;

/// Costs that bcrypt is defined for.
const BCRYPT_COSTS: RangeInclusive<u32> = 4..=31;

/// A password that could not be hashed, or a stored hash that could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HashError {
    /// The configured parameters are outside what the algorithm allows.
    #[error("password hash parameters are not usable")]
    Parameters(#[source] argon2::Error),
    /// Argon2 failed.
    #[error("argon2id failed")]
    Argon2(#[source] argon2::password_hash::Error),
    /// bcrypt failed.
    #[error("bcrypt failed")]
    Bcrypt(#[from] BcryptError),
    /// The stored text is no hash of a known algorithm.
    #[error("the stored password hash is of no known algorithm")]
    Unknown,
}

/// What a password is worth against a stored hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
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
pub(crate) struct Hasher {
    parameters: PasswordHash,
    configured: Scheme,
    argon2: Argon2<'static>,
    /// The schemes that accounts have, and the configured one.
    schemes: ArcSwap<Vec<Scheme>>,
    metrics: HashMetrics,
}

impl Hasher {
    /// Prepares the configured algorithm.
    pub(crate) fn new(parameters: PasswordHash, metrics: HashMetrics) -> Result<Self, HashError> {
        let params = match parameters {
            PasswordHash::Argon2id { memory_kib, iterations, parallelism } => {
                Params::new(memory_kib, iterations, parallelism, None).map_err(HashError::Parameters)?
            }
            PasswordHash::Bcrypt { .. } => Params::default(),
        };
        if let PasswordHash::Bcrypt { cost } = parameters
            && !BCRYPT_COSTS.contains(&cost)
        {
            return Err(BcryptError::CostNotAllowed(cost).into());
        }
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let configured = Scheme::configured(parameters);
        let schemes = ArcSwap::from_pointee(vec![configured.clone()]);
        Ok(Self { parameters, configured, argon2, schemes, metrics })
    }

    /// Takes the schemes that accounts have; see [`Self::verify`].
    pub(super) fn use_schemes(&self, mut schemes: Vec<Scheme>) {
        schemes.push(self.configured.clone());
        schemes.sort_unstable();
        schemes.dedup();
        self.schemes.store(Arc::new(schemes));
    }

    /// Hashes a new password with a salt of its own.
    pub(crate) fn hash(&self, password: &str) -> Result<String, HashError> {
        match self.parameters {
            PasswordHash::Argon2id { .. } => {
                let hash = self.metrics.timed("argon2", || self.argon2.hash_password(password.as_bytes()));
                Ok(hash.map_err(HashError::Argon2)?.to_string())
            }
            PasswordHash::Bcrypt { cost } => {
                let hash =
                    self.metrics.timed("bcrypt", || bcrypt::non_truncating_hash(digest(password), cost))?;
                Ok(format!("{DIGESTED_BCRYPT}{hash}"))
            }
        }
    }

    /// Verifies `password`; `stored` is `None` for an unknown account, which never matches.
    ///
    /// A mismatch costs the same whether the account is unknown, has a hash of today or one of an older scheme: the
    /// password is checked against one hash of every scheme that accounts have, the account's own or a decoy.
    pub(crate) fn verify(&self, password: &str, stored: Option<&str>) -> Result<Verdict, HashError> {
        if !password::can_match(password) {
            return Ok(Verdict::Mismatch);
        }
        let result = stored.map_or(Ok(false), |stored| self.matches(password, stored));
        if let (Ok(true), Some(stored)) = (&result, stored) {
            return Ok(Verdict::Match { outdated: !self.configured.made(stored) });
        }
        let own = |scheme: &&Scheme| stored.is_some_and(|stored| scheme.made(stored));
        for scheme in self.schemes.load().iter().filter(|scheme| !own(scheme)) {
            // One that cannot be computed costs nothing for its accounts either.
            let _ = self.matches(password, &scheme.decoy());
        }
        result.map(|_| Verdict::Mismatch)
    }

    fn matches(&self, password: &str, stored: &str) -> Result<bool, HashError> {
        if stored.starts_with("$argon2") {
            let verify = || self.argon2.verify_password(password.as_bytes(), stored);
            return match self.metrics.timed("argon2", verify) {
                Ok(()) => Ok(true),
                Err(argon2::password_hash::Error::PasswordInvalid) => Ok(false),
                Err(error) => Err(HashError::Argon2(error)),
            };
        }
        if let Some(hash) = stored.strip_prefix(DIGESTED_BCRYPT) {
            return Ok(self.metrics.timed("bcrypt", || bcrypt::verify(digest(password), hash))?);
        }
        if stored.starts_with("$2") {
            // Computed for a password that is too long as well: the time would tell which accounts are old.
            let matches = self.metrics.timed("bcrypt", || bcrypt::verify(password, stored))?;
            return Ok(matches && password.len() <= BCRYPT_MAX_BYTES);
        }
        Err(HashError::Unknown)
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
    use kit::metrics::Registry;
    use rstest::rstest;

    use super::*;

    const ARGON2: PasswordHash = PasswordHash::Argon2id { memory_kib: 64, iterations: 1, parallelism: 1 };
    const BCRYPT: PasswordHash = PasswordHash::Bcrypt { cost: 4 };

    fn hasher(parameters: PasswordHash) -> Hasher {
        Hasher::new(parameters, HashMetrics::new(&Registry::new("auth"))).unwrap()
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

    /// How often each algorithm is computed for a wrong password against `stored`.
    fn computed(hasher: &Hasher, registry: &Registry, password: &str, stored: Option<&str>) -> [u64; 2] {
        let count = || ["argon2", "bcrypt"].map(|algorithm| HashMetrics::computed(registry, algorithm));
        let before = count();
        assert_eq!(hasher.verify(password, stored).unwrap(), Verdict::Mismatch);
        let after = count();
        [after[0] - before[0], after[1] - before[1]]
    }

    #[rstest]
    #[case::short("Wr0ng!Password".to_owned())]
    #[case::longer_than_bcrypt_reads("x".repeat(73))]
    fn a_wrong_password_costs_one_hash_of_every_scheme_whatever_the_account(#[case] wrong: String) {
        let registry = Registry::new("auth");
        let today = Hasher::new(ARGON2, HashMetrics::new(&registry)).unwrap();
        let other_cost = PasswordHash::Argon2id { memory_kib: 128, iterations: 1, parallelism: 1 };
        let old = [
            hasher(other_cost).hash("S3cur3P@ssw0rd!").unwrap(),
            hasher(BCRYPT).hash("S3cur3P@ssw0rd!").unwrap(),
            bcrypt::hash("S3cur3P@ssw0rd!", 4).unwrap(),
        ];
        let beginnings = ["$argon2id$v=19$m=128,t=1,p=1", "bcrypt-sha256:$2b$04", "$2b$04"];
        today.use_schemes(beginnings.map(|text| Scheme::stored(text.to_owned())).to_vec());

        let current = today.hash("S3cur3P@ssw0rd!").unwrap();
        assert_eq!(computed(&today, &registry, &wrong, None), [2, 2]);
        for stored in old.iter().chain([&current]) {
            assert_eq!(computed(&today, &registry, &wrong, Some(stored)), [2, 2], "{stored}");
        }
    }

    #[rstest]
    #[case(PasswordHash::Bcrypt { cost: 3 })]
    #[case(PasswordHash::Bcrypt { cost: 32 })]
    #[case(PasswordHash::Argon2id { memory_kib: 1, iterations: 1, parallelism: 1 })]
    fn parameters_that_cannot_be_used_are_found_at_start(#[case] parameters: PasswordHash) {
        assert!(Hasher::new(parameters, HashMetrics::new(&Registry::new("auth"))).is_err());
    }

    #[test]
    fn a_password_beyond_the_limit_is_not_hashed() {
        let hasher = hasher(ARGON2);
        assert_eq!(hasher.verify(&"a".repeat(1025), Some("not even a hash")).unwrap(), Verdict::Mismatch);
    }

    #[test]
    fn text_that_is_no_hash_is_an_error_not_a_match() {
        assert!(matches!(hasher(ARGON2).verify("x", Some("plain")), Err(HashError::Unknown)));
        assert!(hasher(ARGON2).verify("x", Some("$argon2id$nonsense")).is_err());
    }
}
