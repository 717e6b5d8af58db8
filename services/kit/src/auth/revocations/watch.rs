//! Following the bucket in NATS.

use anyhow::{Context as _, bail};
use async_nats::jetstream;
use async_nats::jetstream::kv::Operation;
use async_nats::jetstream::stream::Info;
use futures::StreamExt;
use protocol::buckets::{self, RevocationValue};
use tokio::time::{Duration, Instant, MissedTickBehavior, timeout};

use super::Revocations;
use crate::lifecycle::Shutdown;

/// How often the server is asked what the bucket holds. Of a server that is silent nothing else tells.
const CHECK: Duration = Duration::from_secs(1);
/// A server that takes longer to answer is not followed.
const CHECK_TIMEOUT: Duration = Duration::from_secs(1);
/// Opening a watch takes three requests.
const OPEN_TIMEOUT: Duration = Duration::from_secs(5);
/// Pause before a lost watch is opened again.
const REOPEN: Duration = Duration::from_millis(500);
/// A watch that lacks an entry for this long, and gets none, will not get it.
const STUCK: Duration = Duration::from_secs(5);

/// Follows the bucket, opening a lost watch again, until shutdown. Each watch reads the whole bucket, so
/// it also finds what was recorded while there was none.
pub(super) async fn run(revocations: &Revocations, jetstream: &jetstream::Context, shutdown: &Shutdown) {
    let mut lost = false;
    loop {
        let mut watch = Watch::new(revocations);
        let error = tokio::select! {
            () = shutdown.requested() => return,
            Err(error) = watch.follow(jetstream) => error,
        };
        if watch.current || !lost {
            tracing::warn!(
                error = format!("{error:#}"),
                "revocations are not followed in NATS, reading them from auth"
            );
        }
        lost = true;
        revocations.drop_expired();
        if !shutdown.sleep(REOPEN).await {
            return;
        }
    }
}

/// One watch of one incarnation of the bucket.
struct Watch<'a> {
    revocations: &'a Revocations,
    position: Position,
    /// Whether it once had everything.
    current: bool,
}

impl<'a> Watch<'a> {
    fn new(revocations: &'a Revocations) -> Self {
        Self { revocations, position: Position::default(), current: false }
    }

    /// Returns only with the reason why the watch is lost.
    async fn follow(&mut self, jetstream: &jetstream::Context) -> anyhow::Result<std::convert::Infallible> {
        let asked = Instant::now();
        let (stream, mut entries) = timeout(OPEN_TIMEOUT, async {
            let stream = jetstream.get_stream(buckets::stream(&topology::REVOCATIONS)).await?;
            let entries =
                jetstream.get_key_value(topology::REVOCATIONS.name).await?.watch_with_history(">").await?;
            anyhow::Ok((stream, entries))
        })
        .await
        .context("NATS does not answer")??;
        self.checked(asked, stream.cached_info())?;
        let mut checks = tokio::time::interval(CHECK);
        checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                entry = entries.next() => {
                    let entry = entry.context("the watch ended")??;
                    // A key that was removed expired, and so have its tokens.
                    if entry.operation == Operation::Put {
                        apply(self.revocations, &entry.key, &entry.value);
                    }
                    self.position.arrived(entry.revision, Instant::now());
                    self.confirm();
                }
                _ = checks.tick() => {
                    let asked = Instant::now();
                    let info = timeout(CHECK_TIMEOUT, stream.get_info()).await.context("NATS does not answer")??;
                    self.checked(asked, &info)?;
                    self.revocations.drop_expired();
                }
            }
        }
    }

    /// Takes in what the bucket held at `asked`.
    fn checked(&mut self, asked: Instant, info: &Info) -> anyhow::Result<()> {
        let holds = Holds {
            created: info.created.unix_timestamp_nanos(),
            last: (info.state.messages > 0).then_some(info.state.last_sequence),
        };
        self.position.checked(asked, holds)?;
        self.confirm();
        Ok(())
    }

    fn confirm(&mut self) {
        if let Some(at) = self.position.reached() {
            self.revocations.confirm(at);
            self.current = true;
        }
    }
}

fn apply(revocations: &Revocations, key: &str, value: &[u8]) {
    match serde_json::from_slice::<RevocationValue>(value) {
        Ok(value) => revocations.apply(key, value),
        Err(error) => tracing::warn!(key, %error, "revocation cannot be read"),
    }
}

/// What the server said that the bucket holds.
#[derive(Debug, Clone, Copy)]
struct Holds {
    /// When it was created, in nanoseconds since 1970.
    created: i128,
    /// Revision of its last entry; `None` when it is empty.
    last: Option<u64>,
}

/// How far a watch has come, as a function of what arrived and what the server said.
#[derive(Debug, Default)]
struct Position {
    created: Option<i128>,
    /// Greatest revision that arrived.
    seen: u64,
    /// What has to arrive until everything recorded at a moment is known.
    awaited: Option<(Instant, u64)>,
    /// When an entry last arrived.
    moved: Option<Instant>,
}

impl Position {
    fn arrived(&mut self, revision: u64, now: Instant) {
        self.seen = self.seen.max(revision);
        self.moved = Some(now);
    }

    /// The watch is lost when this fails: NATS resumes it behind the last revision, but a bucket that was
    /// created again counts from one, so its entries would be missed without a word.
    fn checked(&mut self, asked: Instant, holds: Holds) -> anyhow::Result<()> {
        if *self.created.get_or_insert(holds.created) != holds.created
            || holds.last.is_some_and(|last| last < self.seen)
        {
            bail!("the bucket was created again");
        }
        let last = holds.last.unwrap_or(self.seen);
        match self.awaited {
            // All that was awaited has expired.
            _ if last <= self.seen => self.awaited = Some((asked, last)),
            Some((since, _)) if asked.duration_since(self.moved.unwrap_or(since).max(since)) > STUCK => {
                bail!("the watch is stuck");
            }
            Some(_) => {}
            None => self.awaited = Some((asked, last)),
        }
        Ok(())
    }

    /// The moment up to which everything is known, once after each time that it moved.
    fn reached(&mut self) -> Option<Instant> {
        let seen = self.seen;
        self.awaited.take_if(|(_, revision)| *revision <= seen).map(|(at, _)| at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: i128 = 1;

    fn holds(last: u64) -> Holds {
        Holds { created: FIRST, last: Some(last) }
    }

    fn seconds(count: u64) -> Instant {
        static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
        *START.get_or_init(Instant::now) + Duration::from_secs(count)
    }

    #[test]
    fn an_empty_bucket_is_known_at_once() {
        let mut position = Position::default();
        position.checked(seconds(1), Holds { created: FIRST, last: None }).unwrap();
        assert_eq!(position.reached(), Some(seconds(1)));
        assert_eq!(position.reached(), None, "said once");
    }

    #[test]
    fn a_bucket_is_known_when_its_last_entry_has_arrived() {
        let mut position = Position::default();
        position.checked(seconds(1), holds(7)).unwrap();
        for revision in [3, 6] {
            position.arrived(revision, seconds(1));
            assert_eq!(position.reached(), None, "{revision}");
        }
        position.arrived(7, seconds(1));
        assert_eq!(position.reached(), Some(seconds(1)));
        position.checked(seconds(2), holds(7)).unwrap();
        assert_eq!(position.reached(), Some(seconds(2)), "nothing new is news too");
    }

    #[test]
    fn entries_that_expire_before_they_arrive_are_not_awaited() {
        let mut position = Position::default();
        position.checked(seconds(1), holds(7)).unwrap();
        position.checked(seconds(2), Holds { created: FIRST, last: None }).unwrap();
        assert_eq!(position.reached(), Some(seconds(2)));
    }

    #[test]
    fn a_bucket_that_was_created_again_ends_the_watch() {
        let mut position = Position::default();
        position.checked(seconds(1), holds(7)).unwrap();
        position.arrived(7, seconds(1));
        assert!(position.checked(seconds(2), Holds { created: 2, last: Some(9) }).is_err());
        assert!(position.checked(seconds(2), holds(6)).is_err(), "it was put back to an earlier state");
        assert!(position.checked(seconds(2), holds(7)).is_ok());
    }

    #[test]
    fn a_watch_that_stops_moving_is_lost_and_a_slow_one_is_not() {
        let mut position = Position::default();
        position.checked(seconds(1), holds(9)).unwrap();
        for second in 2..=30 {
            position.arrived(1, seconds(second));
            position.checked(seconds(second), holds(9)).unwrap();
        }
        position.checked(seconds(35), holds(9)).unwrap();
        assert!(position.checked(seconds(36), holds(9)).is_err());
    }
}
