//! Tokens, keys and passwords.

use protocol::settings;

use super::Invalid;
use crate::api::{Algorithm, Auth, PasswordHash, PasswordPolicy, Period};

/// Longest life of an access token: revocations are remembered for as long.
const LONGEST_ACCESS: Period = Period::hours(24);

/// Tokens, keys and passwords.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthSettings {
    /// Life of an access token.
    pub access_ttl: Period,
    /// Life of a refresh token.
    pub refresh_ttl: Period,
    /// Signature algorithm.
    pub algorithm: Algorithm,
    /// Age at which a signing key is replaced.
    pub rotate_every: Period,
    /// Ids of leaked keys.
    pub revoked: Vec<String>,
    /// Life of a service token.
    pub service_token_ttl: Period,
    /// How passwords are stored.
    pub hash: settings::PasswordHash,
    /// Which passwords are accepted.
    pub password_policy: PasswordPolicy,
}

pub(super) fn resolve(spec: Option<&Auth>) -> Result<AuthSettings, Invalid> {
    let spec = spec.cloned().unwrap_or_default();
    let tokens = spec.tokens.unwrap_or_default();
    let access_ttl = tokens.access_ttl.unwrap_or(Period::hours(1));
    let refresh_ttl = tokens.refresh_ttl.unwrap_or(Period::hours(720));
    if access_ttl > LONGEST_ACCESS {
        return Err(Invalid::AccessTooLong);
    }
    if refresh_ttl < access_ttl {
        return Err(Invalid::RefreshTooShort);
    }
    let keys = spec.signing_keys.unwrap_or_default();
    Ok(AuthSettings {
        access_ttl,
        refresh_ttl,
        algorithm: keys.algorithm.unwrap_or_default(),
        rotate_every: keys.rotate_every.unwrap_or(Period::hours(90 * 24)),
        revoked: keys.revoked,
        service_token_ttl: spec.service_tokens.unwrap_or_default().ttl.unwrap_or(Period::hours(24)),
        hash: spec.password_hash.map_or(Ok(settings::PasswordHash::default()), hash)?,
        password_policy: spec.password_policy.unwrap_or_default(),
    })
}

fn hash(spec: PasswordHash) -> Result<settings::PasswordHash, Invalid> {
    match (spec.argon2id, spec.bcrypt) {
        (Some(_), Some(_)) => Err(Invalid::Both("auth.passwordHash")),
        (None, None) => Err(Invalid::Neither("auth.passwordHash")),
        (Some(cost), None) => {
            Ok(settings::PasswordHash::argon2id(cost.memory_kib, cost.iterations, cost.parallelism))
        }
        (None, Some(cost)) => Ok(settings::PasswordHash::bcrypt(cost.cost)),
    }
}
