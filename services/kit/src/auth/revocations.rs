//! Tokens that were ended before their time.
//!
//! Auth records a revocation in its database and puts it into a bucket of NATS that every service
//! follows. While the bucket cannot be read, services read what auth recorded instead. A service is not
//! ready before it has read everything once, from either place.

mod expiry;
mod freshness;
mod snapshot;
mod watch;

use std::sync::{Arc, Mutex, PoisonError};

use async_nats::jetstream;
use chrono::{DateTime, TimeDelta, Utc};
use dashmap::DashMap;
use dashmap::Entry;
use protocol::buckets::{Revocation, RevocationValue};
use tokio::time::{Duration, Instant};

use self::expiry::Expiry;
use self::freshness::Freshness;
use super::identity::{Identity, Subject};
use crate::clock::SharedClock;
use crate::lifecycle::Shutdown;

pub use self::snapshot::Snapshot;

/// Times of older entries are in seconds. As milliseconds this is a day in 1973, as seconds the year 5138.
const FIRST_MILLISECONDS: i64 = 100_000_000_000;

/// Revocations held in memory. Clones share them.
#[derive(Clone)]
pub struct Revocations(Arc<Inner>);

struct Inner {
    /// Looked at with each request: a writer keeps out only readers of the same shard, and only for one entry.
    held: DashMap<Revocation, Held>,
    expiry: Mutex<Expiry>,
    freshness: Freshness,
    clock: SharedClock,
}

/// Milliseconds since 1970.
#[derive(Debug, Clone, Copy)]
struct Held {
    before: i64,
    until: i64,
}

impl Revocations {
    /// None yet.
    pub fn new(clock: SharedClock) -> Self {
        Self(Arc::new(Inner {
            held: DashMap::new(),
            expiry: Mutex::default(),
            freshness: Freshness::new(),
            clock,
        }))
    }

    /// Refuses what `revocation` names, in this process only.
    pub fn insert(&self, revocation: Revocation, before: DateTime<Utc>) {
        self.put(revocation, RevocationValue { before: before.timestamp_millis(), until: None });
    }

    /// Refuses what a recorded revocation names, in this process only. One of a kind that is not known
    /// here is logged.
    pub fn apply(&self, key: &str, value: RevocationValue) {
        if let Some(revocation) = Revocation::from_key(key) {
            self.put(revocation, value);
        } else {
            tracing::warn!(key, "revocation of an unknown kind");
        }
    }

    /// Whether `identity` was revoked.
    pub fn refuses(&self, identity: &Identity) -> bool {
        let held = &self.0.held;
        let session = identity.session.is_some_and(|id| held.contains_key(&Revocation::Session(id)));
        let user = match identity.subject {
            Subject::User(id) => held
                .get(&Revocation::User(id))
                .is_some_and(|held| identity.issued_at.timestamp_millis() <= held.before),
            Subject::Service(_) => false,
        };
        session || user
    }

    /// How many are held.
    pub fn count(&self) -> usize {
        self.0.held.len()
    }

    /// Whether everything that was recorded up to some moment after the start is known here.
    pub fn is_loaded(&self) -> bool {
        self.0.freshness.is_confirmed()
    }

    /// Everything that was recorded before `at` is known here.
    pub fn confirm(&self, at: Instant) {
        self.0.freshness.confirm(at);
    }

    /// How long ago everything recorded was known here for sure; since the start while it never was.
    pub fn age(&self) -> Duration {
        self.0.freshness.age()
    }

    /// Follows the bucket until shutdown.
    pub async fn follow(self, jetstream: jetstream::Context, shutdown: Shutdown) -> anyhow::Result<()> {
        watch::run(&self, &jetstream, &shutdown).await;
        Ok(())
    }

    /// Reads `snapshot` at start, and again whenever the bucket is not followed, until shutdown.
    pub async fn read(self, snapshot: Snapshot, shutdown: Shutdown) -> anyhow::Result<()> {
        snapshot::run(&self, &snapshot, &shutdown).await;
        Ok(())
    }

    fn put(&self, revocation: Revocation, value: RevocationValue) {
        let Inner { held, expiry, clock, .. } = &*self.0;
        let now = clock.now().timestamp_millis();
        let before = milliseconds(value.before);
        let until = value.until.unwrap_or_else(|| before.saturating_add(longest_life().num_milliseconds()));
        if until > now {
            let later = match held.entry(revocation) {
                Entry::Occupied(mut known) => {
                    let known = known.get_mut();
                    let later = until > known.until;
                    *known = Held { before: before.max(known.before), until: until.max(known.until) };
                    later
                }
                Entry::Vacant(vacant) => {
                    vacant.insert(Held { before, until });
                    true
                }
            };
            if later {
                expiry.lock().unwrap_or_else(PoisonError::into_inner).push(until, revocation);
            }
        }
        self.drop_expired();
    }

    /// Forgets what ends only tokens that have expired by themselves.
    fn drop_expired(&self) {
        let Inner { held, expiry, clock, .. } = &*self.0;
        let now = clock.now().timestamp_millis();
        expiry.lock().unwrap_or_else(PoisonError::into_inner).drop_due(now, |revocation| {
            // One that was recorded again lives longer, and is in the order of expiry once more.
            held.remove_if(&revocation, |_, held| held.until <= now);
        });
    }
}

/// `before` of an entry in milliseconds. One in seconds covers its whole second.
fn milliseconds(before: i64) -> i64 {
    if before < FIRST_MILLISECONDS { before.saturating_mul(1000).saturating_add(999) } else { before }
}

/// The longest life of an access token: that of an entry in the bucket.
fn longest_life() -> TimeDelta {
    TimeDelta::from_std(topology::REVOCATIONS.max_age).unwrap_or(TimeDelta::days(1))
}

#[cfg(test)]
mod tests;
