//! The `auth` section of the service's configuration.

use std::path::PathBuf;

use chrono::Duration;
use serde::Deserialize;

use crate::domain::password::Policy;

/// Settings of the auth service. Every one has a default; none is a secret.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// File with the private keyring.
    pub signing_keys: PathBuf,
    /// Life of an access token, in seconds.
    pub access_ttl_seconds: u32,
    /// Life of a refresh token, in seconds.
    pub refresh_ttl_seconds: u32,
    /// How new passwords are hashed.
    pub password_hash: PasswordHash,
    /// What new passwords must look like.
    pub password_policy: Policy,
    /// Directory with the files `email` and `password` of the first administrator.
    pub admin_dir: PathBuf,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            signing_keys: "/etc/shopflow/signing-keys/keyring.json".into(),
            access_ttl_seconds: 3600,
            refresh_ttl_seconds: 30 * 24 * 3600,
            password_hash: PasswordHash::default(),
            password_policy: Policy::default(),
            admin_dir: "/etc/shopflow/admin".into(),
        }
    }
}

impl Config {
    /// Life of an access token.
    pub fn access_ttl(&self) -> Duration {
        Duration::seconds(self.access_ttl_seconds.into())
    }

    /// Life of a refresh token.
    pub fn refresh_ttl(&self) -> Duration {
        Duration::seconds(self.refresh_ttl_seconds.into())
    }
}

/// A password hash and its cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
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

// The second of the equivalent settings in OWASP's password storage cheat sheet: the least memory that needs only two passes.
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

impl Default for PasswordHash {
    fn default() -> Self {
        Self::Argon2id {
            memory_kib: default_memory(),
            iterations: default_iterations(),
            parallelism: default_parallelism(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(yaml: &str) -> Result<Config, serde_yaml::Error> {
        serde_yaml::from_str(yaml)
    }

    #[test]
    fn everything_has_a_default() {
        assert_eq!(parse("{}").unwrap(), Config::default());
    }

    #[test]
    fn bcrypt_and_its_cost_can_be_chosen() {
        let config = parse("password_hash: {algorithm: bcrypt, cost: 10}").unwrap();
        assert_eq!(config.password_hash, PasswordHash::Bcrypt { cost: 10 });
        let config = parse("{password_hash: {algorithm: bcrypt}, password_policy: length}").unwrap();
        assert_eq!(config.password_hash, PasswordHash::Bcrypt { cost: 12 });
        assert_eq!(config.password_policy, Policy::Length);
    }

    #[test]
    fn unknown_settings_are_refused() {
        assert!(parse("jwt_secret: hunter2").is_err());
        assert!(parse("password_hash: {algorithm: md5}").is_err());
        assert!(parse("password_hash: {algorithm: bcrypt, memory_kib: 1}").is_err());
    }
}
