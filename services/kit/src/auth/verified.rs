//! Tokens that were verified before, so that a signature is checked once per token and not once per request.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use quick_cache::sync::Cache;
use sha2::{Digest, Sha256};

use super::identity::Identity;

/// Maximum number of tokens that are remembered. One takes about 350 bytes, so at most 3 MB; an empty
/// cache takes nothing. Only tokens that we signed get in, so nobody can fill it with long ones.
const CAPACITY: usize = 8192;

/// What a token said, its signature being good. Whether it is admitted now is another question: that
/// depends on the time, the audience asked for and the revocations.
#[derive(Debug)]
pub(super) struct Verified {
    pub(super) identity: Identity,
    pub(super) audience: String,
    /// The later of `nbf` and `iat`.
    pub(super) not_before: DateTime<Utc>,
}

/// SHA-256 of a whole token, signature included: two tokens share one only if they are equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Fingerprint([u8; 32]);

impl Fingerprint {
    pub(super) fn of(token: &str) -> Self {
        Self(Sha256::digest(token).into())
    }
}

/// Verified tokens under one key set. It belongs to the set and goes with it: what a removed key signed
/// is forgotten in the same moment, also when a request is verifying at that moment.
///
/// Refused tokens are not remembered. Whoever forges one can forge the next, so that would only push
/// out good ones.
pub(super) struct VerifiedTokens(Cache<Fingerprint, Arc<Verified>>);

impl VerifiedTokens {
    pub(super) fn get(&self, token: &Fingerprint) -> Option<Arc<Verified>> {
        self.0.get(token)
    }

    pub(super) fn insert(&self, token: Fingerprint, verified: Arc<Verified>) {
        self.0.insert(token, verified);
    }
}

impl Default for VerifiedTokens {
    fn default() -> Self {
        Self(Cache::new(CAPACITY))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::auth::{Role, Subject};

    #[test]
    fn however_many_tokens_there_are_the_cache_stays_bounded() {
        let tokens = VerifiedTokens::default();
        let verified = Arc::new(Verified {
            identity: Identity {
                subject: Subject::User(Uuid::nil()),
                role: Role::Customer,
                email: None,
                session: None,
                issued_at: DateTime::UNIX_EPOCH,
                expires_at: DateTime::UNIX_EPOCH,
            },
            audience: String::new(),
            not_before: DateTime::UNIX_EPOCH,
        });
        for number in 0..3 * CAPACITY {
            let token = Fingerprint::of(&number.to_string());
            tokens.insert(token, Arc::clone(&verified));
            assert!(tokens.get(&token).is_some(), "a new token is remembered");
        }
        assert!(tokens.0.len() <= CAPACITY, "{}", tokens.0.len());
        assert!(tokens.0.len() > CAPACITY / 2, "it is used: {}", tokens.0.len());
    }
}
