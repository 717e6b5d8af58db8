//! The section `auth`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::paths::{KEYRING_FILE, Mount, Paths};

/// Settings of the auth service; none is a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Auth {
    /// File with the private keyring.
    pub signing_keys: PathBuf,
    /// Life of an access token, in seconds.
    pub access_ttl_seconds: u32,
    /// Life of a refresh token, in seconds.
    pub refresh_ttl_seconds: u32,
    /// How new passwords are hashed.
    pub password_hash: PasswordHash,
    /// What new passwords must look like.
    pub password_policy: PasswordPolicy,
    /// Directory with the files `email` and `password` of the first administrator.
    pub admin_dir: PathBuf,
}

impl Auth {
    /// The defaults, with what the service is given in `paths`.
    pub fn at(paths: &Paths) -> Self {
        Self {
            signing_keys: paths.file(Mount::SigningKeys, KEYRING_FILE),
            access_ttl_seconds: 3600,
            refresh_ttl_seconds: 30 * 24 * 3600,
            password_hash: PasswordHash::default(),
            password_policy: PasswordPolicy::default(),
            admin_dir: paths.mount(Mount::Admin),
        }
    }
}

impl Default for Auth {
    fn default() -> Self {
        Self::at(&Paths::mounted())
    }
}

/// What a new password must look like.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PasswordPolicy {
    /// Eight characters with an upper-case letter, a lower-case letter, a digit and a special character.
    #[default]
    Composition,
    /// Eight characters that are not one of the well-known passwords.
    Length,
}

/// Key that tells the forms of [`PasswordHash`] apart.
pub(super) const ALGORITHM: &str = "algorithm";

/// A password hash and its cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "algorithm", rename_all = "lowercase", deny_unknown_fields)]
pub enum PasswordHash {
    /// Argon2id (RFC 9106).
    Argon2id {
        /// Memory, in KiB.
        #[serde(default = "default_memory")]
        memory_kib: u32,
        /// Passes over the memory.
        #[serde(default = "default_iterations")]
        iterations: u32,
        /// Lanes.
        #[serde(default = "default_parallelism")]
        parallelism: u32,
    },
    /// bcrypt, over a digest of the password so that none of it is cut off.
    Bcrypt {
        /// Binary logarithm of the number of rounds.
        #[serde(default = "default_cost")]
        cost: u32,
    },
}

// The second of the equivalent settings in OWASP's password storage cheat sheet: the smallest memory that needs only
// two passes.
const fn default_memory() -> u32 {
    19_456
}

const fn default_iterations() -> u32 {
    2
}

const fn default_parallelism() -> u32 {
    1
}

const fn default_cost() -> u32 {
    12
}

impl PasswordHash {
    /// Argon2id; what is absent has its default.
    pub fn argon2id(memory_kib: Option<u32>, iterations: Option<u32>, parallelism: Option<u32>) -> Self {
        Self::Argon2id {
            memory_kib: memory_kib.unwrap_or_else(default_memory),
            iterations: iterations.unwrap_or_else(default_iterations),
            parallelism: parallelism.unwrap_or_else(default_parallelism),
        }
    }

    /// bcrypt; the cost has its default when absent.
    pub fn bcrypt(cost: Option<u32>) -> Self {
        Self::Bcrypt { cost: cost.unwrap_or_else(default_cost) }
    }
}

impl Default for PasswordHash {
    fn default() -> Self {
        Self::argon2id(None, None, None)
    }
}
