//! Tokens that were ended before their time.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use async_nats::jetstream;
use chrono::{DateTime, TimeDelta, Utc};
use futures::StreamExt;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::identity::{Identity, Subject};
use crate::clock::SharedClock;
use crate::lifecycle::Shutdown;

/// Bucket that carries revocations to every service.
const BUCKET: &str = "revocations";

/// What a revocation ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Revocation {
    /// All tokens of one session.
    Session(Uuid),
    /// All tokens of one user that were issued up to the time of the revocation.
    User(Uuid),
}

impl Revocation {
    /// Key in the bucket.
    pub fn key(self) -> String {
        match self {
            Self::Session(id) => format!("auth.sid.{id}"),
            Self::User(id) => format!("auth.user.{id}"),
        }
    }

    fn from_key(key: &str) -> Option<Self> {
        let (kind, id) = key.strip_prefix("auth.")?.split_once('.')?;
        let id = Uuid::parse_str(id).ok()?;
        match kind {
            "sid" => Some(Self::Session(id)),
            "user" => Some(Self::User(id)),
            _ => None,
        }
    }
}

/// Value in the bucket.
#[derive(Debug, Serialize, Deserialize)]
struct Value {
    /// Tokens issued up to this time (seconds since 1970) are refused.
    before: i64,
}

/// Revocations held in memory. Clones share them.
#[derive(Clone)]
pub struct Revocations {
    before: Arc<RwLock<HashMap<Revocation, i64>>>,
    clock: SharedClock,
}

impl Revocations {
    /// None yet.
    pub fn new(clock: SharedClock) -> Self {
        Self { before: Arc::default(), clock }
    }

    /// Refuses what `revocation` names, in this process only.
    pub fn insert(&self, revocation: Revocation, before: DateTime<Utc>) {
        let mut map = self.before.write().unwrap_or_else(PoisonError::into_inner);
        // A token issued before this has expired by itself.
        let oldest = (self.clock.now() - max_age()).timestamp();
        map.retain(|_, before| *before >= oldest);
        let before = before.timestamp();
        map.entry(revocation).and_modify(|known| *known = before.max(*known)).or_insert(before);
    }

    /// Whether `identity` was revoked.
    pub fn refuses(&self, identity: &Identity) -> bool {
        let map = self.before.read().unwrap_or_else(PoisonError::into_inner);
        let session = identity.session.is_some_and(|id| map.contains_key(&Revocation::Session(id)));
        let user = match identity.subject {
            Subject::User(id) => {
                map.get(&Revocation::User(id)).is_some_and(|before| identity.issued_at.timestamp() <= *before)
            }
            Subject::Service(_) => false,
        };
        session || user
    }

    /// Revokes here at once, and everywhere by the bucket. Only auth may write it.
    pub async fn publish(
        &self,
        jetstream: &jetstream::Context,
        revocation: Revocation,
    ) -> Result<(), async_nats::Error> {
        let now = self.clock.now();
        self.insert(revocation, now);
        let value = serde_json::to_vec(&Value { before: now.timestamp() })?;
        jetstream.publish(format!("$KV.{BUCKET}.{}", revocation.key()), value.into()).await?.await?;
        Ok(())
    }

    /// Follows the bucket until shutdown. An error means that the watch must be started again.
    pub async fn watch(&self, jetstream: &jetstream::Context, shutdown: Shutdown) -> anyhow::Result<()> {
        let bucket = jetstream.get_key_value(BUCKET).await?;
        let mut entries = bucket.watch_with_history(">").await?;
        loop {
            let entry = tokio::select! {
                () = shutdown.requested() => return Ok(()),
                entry = entries.next() => entry,
            };
            let entry = entry.ok_or_else(|| anyhow::anyhow!("the watch of {BUCKET} ended"))??;
            // A key that went away expired, and so have its tokens: pruning removes it.
            if entry.operation == jetstream::kv::Operation::Put {
                self.apply(&entry.key, &entry.value);
            }
        }
    }

    fn apply(&self, key: &str, value: &[u8]) {
        let before = serde_json::from_slice::<Value>(value)
            .ok()
            .and_then(|value| DateTime::from_timestamp(value.before, 0));
        if let (Some(revocation), Some(before)) = (Revocation::from_key(key), before) {
            self.insert(revocation, before);
        } else {
            tracing::warn!(key, "revocation cannot be read");
        }
    }
}

/// How long an entry of the bucket lives: as long as the longest access token.
fn max_age() -> TimeDelta {
    topology::BUCKETS
        .iter()
        .find(|bucket| bucket.name == BUCKET)
        .and_then(|bucket| TimeDelta::from_std(bucket.max_age).ok())
        .unwrap_or(TimeDelta::days(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Role;
    use crate::clock::ManualClock;

    fn identity(user: Uuid, session: Uuid, issued_at: DateTime<Utc>) -> Identity {
        Identity {
            subject: Subject::User(user),
            role: Role::Customer,
            email: None,
            session: Some(session),
            token_id: "t".to_owned(),
            issued_at,
            expires_at: issued_at + TimeDelta::hours(1),
        }
    }

    #[test]
    fn a_session_and_a_user_can_be_ended() {
        let clock = ManualClock::at(Utc::now());
        let revocations = Revocations::new(clock.shared());
        let (user, session, now) = (Uuid::now_v7(), Uuid::now_v7(), Utc::now());
        let one = identity(user, session, now);
        let other = identity(user, Uuid::now_v7(), now);
        assert!(!revocations.refuses(&one));

        revocations.apply(
            &Revocation::Session(session).key(),
            format!("{{\"before\":{}}}", now.timestamp()).as_bytes(),
        );
        assert!(revocations.refuses(&one));
        assert!(!revocations.refuses(&other), "another session of the same user goes on");

        revocations.insert(Revocation::User(user), now);
        assert!(revocations.refuses(&other));
        let later = identity(user, Uuid::now_v7(), now + TimeDelta::seconds(2));
        assert!(!revocations.refuses(&later), "tokens of a new sign-in are good");
    }

    #[test]
    fn an_older_revocation_never_shortens_a_newer_one() {
        let revocations = Revocations::new(ManualClock::at(Utc::now()).shared());
        let (user, now) = (Uuid::now_v7(), Utc::now());
        revocations.insert(Revocation::User(user), now);
        revocations.insert(Revocation::User(user), now - TimeDelta::minutes(5));
        assert!(revocations.refuses(&identity(user, Uuid::now_v7(), now)));
    }

    #[test]
    fn what_is_longer_ago_than_any_token_lives_is_forgotten() {
        let clock = ManualClock::at(Utc::now());
        let revocations = Revocations::new(clock.shared());
        revocations.insert(Revocation::Session(Uuid::now_v7()), crate::clock::Clock::now(&clock));
        clock.advance(TimeDelta::days(2));
        revocations.insert(Revocation::Session(Uuid::now_v7()), crate::clock::Clock::now(&clock));
        assert_eq!(revocations.before.read().unwrap().len(), 1);
    }

    #[test]
    fn foreign_keys_are_ignored() {
        for key in ["auth.sid.x", "order.sid.", "auth.", "auth.role.019c0000-0000-7000-8000-000000000000"] {
            assert_eq!(Revocation::from_key(key), None, "{key}");
        }
    }
}
