//! Publishing one stream's events. Streams do not wait for each other.

use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::connection::State;
use async_nats::jetstream;
use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;
use topology::Stream;

use super::metrics::Metrics;
use super::{Statements, Wake};
use crate::clock::SharedClock;
use crate::database::Error;
use crate::lifecycle::Shutdown;
use crate::outbox::refusal::{self, Retry};
use crate::outbox::window::{self, Fate};
use crate::store::outbox::{self as store, PendingRow};

/// Events published together.
const WINDOW: i64 = 256;
/// Pause before a broker or stream that is unavailable is tried again.
const PAUSE: Duration = Duration::from_millis(500);
/// Shortest time from the beginning of a window to that of the next: what a busy writer commits meanwhile is published
/// together. What comes after a rest is published at once.
const SPACING: Duration = Duration::from_millis(5);
/// A stream that does not say what it has within this time is unavailable.
const ANSWER: Duration = Duration::from_secs(1);
/// How far back a stream that lost its end, but not all, is published again.
const LOST_END: TimeDelta = TimeDelta::hours(1);

pub(super) struct StreamRelay<'a> {
    pub(super) stream: &'static Stream,
    pub(super) session: &'a Statements<'a>,
    pub(super) jetstream: &'a jetstream::Context,
    pub(super) clock: &'a SharedClock,
    pub(super) metrics: &'a Metrics,
}

/// What to do after a window.
enum Next {
    /// More may be waiting.
    Again,
    /// All that was due is published.
    Idle,
    /// The broker or the stream is unavailable.
    Pause,
    /// The stream counts from the start: it must be asked what it has.
    Ask,
}

/// What a stream says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    created: DateTime<Utc>,
    last_sequence: i64,
}

impl StreamRelay<'_> {
    pub(super) async fn run(self, mut wake: Wake, shutdown: &Shutdown) -> Result<(), Error> {
        // Asked once a connection: a server that comes back may have lost its store.
        let mut asked: Option<u64> = None;
        let mut last_sequence = 0;
        while !shutdown.is_requested() {
            let client = self.jetstream.client();
            let connection = client.statistics().connects.load(Ordering::Relaxed);
            if client.connection_state() != State::Connected {
                shutdown.sleep(PAUSE).await;
                continue;
            }
            if asked != Some(connection) {
                let Some(seen) = self.ask().await else {
                    shutdown.sleep(PAUSE).await;
                    continue;
                };
                last_sequence = self.compare(seen).await?;
                asked = Some(connection);
            }
            let next_window = Instant::now() + SPACING;
            match self.publish_window(&mut last_sequence).await? {
                Next::Again => {}
                Next::Idle => {
                    tokio::select! {
                        () = wake.next() => {}
                        () = shutdown.requested() => break,
                    }
                    tokio::time::sleep_until(next_window).await;
                }
                Next::Pause => {
                    asked = None;
                    shutdown.sleep(PAUSE).await;
                }
                Next::Ask => asked = None,
            }
        }
        self.remember(last_sequence).await
    }

    async fn publish_window(&self, last_sequence: &mut i64) -> Result<Next, Error> {
        let rows = self.session.rows(store::WINDOW, &[&self.stream.name, &self.clock.now(), &WINDOW]).await?;
        let rows: Vec<PendingRow> = rows.iter().map(PendingRow::try_from).collect::<Result<_, _>>()?;
        if rows.is_empty() {
            return Ok(Next::Idle);
        }
        let mut fates = window::publish(self.jetstream, &rows).await;
        if fates.contains(&Fate::Unanswered) && self.ask().await.is_some() {
            // The stream answers, but not to these: their publisher may not write them. Others of the window that
            // were stored prove nothing: the broker can have fallen silent between two acknowledgements.
            for fate in fates.iter_mut().filter(|fate| **fate == Fate::Unanswered) {
                *fate = Fate::Refused(format!("no acknowledgement for {} s", window::DEADLINE.as_secs()));
            }
        }
        self.settle(&rows, &fates).await?;
        Ok(Self::next(&fates, last_sequence))
    }

    /// Records what became of each event.
    async fn settle(&self, rows: &[PendingRow], fates: &[Fate]) -> Result<(), Error> {
        let now = self.clock.now();
        let (mut stored, mut refused) = (Vec::new(), Refused::default());
        for (row, fate) in rows.iter().zip(fates) {
            match fate {
                Fate::Stored { .. } => stored.push(row.position),
                Fate::Refused(cause) => {
                    tracing::warn!(event.id = %row.id, subject = %row.subject, error = cause, "event refused by its stream");
                    refused.push(row.position, refusal::retry(row.attempts, now), cause);
                }
                Fate::Unavailable(cause) => {
                    tracing::debug!(stream = self.stream.name, error = cause, "stream is unavailable");
                }
                Fate::Unanswered | Fate::Held => {}
            }
        }
        if !stored.is_empty() {
            self.session.execute(store::PUBLISHED, &[&self.stream.name, &stored]).await?;
            self.metrics.published.inc_by(stored.len() as u64);
        }
        if !refused.positions.is_empty() {
            self.metrics.refused.inc_by(refused.positions.len() as u64);
            refused.write(self.session, self.stream.name, now).await?;
        }
        Ok(())
    }

    fn next(fates: &[Fate], last_sequence: &mut i64) -> Next {
        let mut next = if fates.len() < usize::try_from(WINDOW).unwrap_or(usize::MAX) {
            Next::Idle
        } else {
            Next::Again
        };
        let mut highest = *last_sequence;
        for fate in fates {
            match fate {
                Fate::Stored { sequence, duplicate: false } => {
                    let sequence = i64::try_from(*sequence).unwrap_or(i64::MAX);
                    if sequence <= *last_sequence {
                        next = Next::Ask;
                    }
                    highest = highest.max(sequence);
                }
                Fate::Unanswered | Fate::Unavailable(_) => return Next::Pause,
                // Those behind a refused event are looked for again when it is due.
                Fate::Stored { .. } | Fate::Refused(_) | Fate::Held => {}
            }
        }
        if matches!(next, Next::Idle)
            && fates.contains(&Fate::Held)
            && !fates.iter().any(|fate| matches!(fate, Fate::Refused(_)))
        {
            next = Next::Again;
        }
        *last_sequence = highest;
        next
    }

    /// What the stream says of itself; `None` when it does not say.
    async fn ask(&self) -> Option<Seen> {
        let asked = tokio::time::timeout(ANSWER, self.jetstream.get_stream(self.stream.name)).await;
        let failure = match asked {
            Ok(Ok(found)) => {
                let info = found.cached_info();
                let nanoseconds = info.created.unix_timestamp_nanos();
                // PostgreSQL keeps microseconds.
                let created = DateTime::from_timestamp_micros(i64::try_from(nanoseconds / 1000).ok()?)?;
                let last_sequence = i64::try_from(info.state.last_sequence).unwrap_or(i64::MAX);
                return Some(Seen { created, last_sequence });
            }
            Ok(Err(error)) => error.to_string(),
            Err(elapsed) => elapsed.to_string(),
        };
        tracing::debug!(stream = self.stream.name, error = failure, "stream does not say what it has");
        None
    }

    /// Makes what the stream lost pending again. Returns the sequence that it has reached.
    async fn compare(&self, seen: Seen) -> Result<i64, Error> {
        let known = self.session.rows(store::STREAM, &[&self.stream.name]).await?;
        let known = match known.first() {
            Some(row) => Some(Seen { created: row.try_get(0)?, last_sequence: row.try_get(1)? }),
            None => None,
        };
        if let Some(since) = lost_since(known, seen, self.clock.now()) {
            let rows = self.session.execute(store::AGAIN, &[&self.stream.name, &since]).await?;
            tracing::warn!(
                stream = self.stream.name,
                rows,
                "stream lost messages, publishing what is kept of it again"
            );
        }
        let parameters: &[&(dyn crate::database::ToSql + Sync)] =
            &[&self.stream.name, &seen.created, &seen.last_sequence];
        self.session.execute(store::REMEMBER_STREAM, parameters).await?;
        Ok(seen.last_sequence)
    }

    /// So that the next relay notices when the stream's end was lost meanwhile.
    async fn remember(&self, last_sequence: i64) -> Result<(), Error> {
        let sql = "UPDATE outbox_streams SET last_sequence = greatest(last_sequence, $2) WHERE stream = $1";
        self.session.execute(sql, &[&self.stream.name, &last_sequence]).await.map(|_| ())
    }
}

/// Since when events must be published again; `None` when the stream has what it had.
fn lost_since(known: Option<Seen>, seen: Seen, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let known = known?;
    if known.created != seen.created {
        return Some(DateTime::UNIX_EPOCH);
    }
    (seen.last_sequence < known.last_sequence).then_some(now - LOST_END)
}

/// The columns of refused rows.
#[derive(Default)]
struct Refused<'a> {
    positions: Vec<i64>,
    attempts: Vec<i32>,
    not_before: Vec<DateTime<Utc>>,
    causes: Vec<&'a str>,
    parked: Vec<bool>,
}

impl<'a> Refused<'a> {
    fn push(&mut self, position: i64, retry: Retry, cause: &'a str) {
        self.positions.push(position);
        self.attempts.push(retry.attempts);
        self.not_before.push(retry.not_before);
        self.causes.push(cause);
        self.parked.push(retry.parked);
    }

    async fn write(&self, session: &Statements<'_>, stream: &str, now: DateTime<Utc>) -> Result<(), Error> {
        let Self { positions, attempts, not_before, causes, parked } = self;
        let parameters: &[&(dyn crate::database::ToSql + Sync)] =
            &[&stream, positions, attempts, not_before, causes, parked, &now];
        session.execute(store::REFUSED, parameters).await.map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(created: i64, last_sequence: i64) -> Seen {
        Seen { created: DateTime::from_timestamp(created, 0).unwrap(), last_sequence }
    }

    #[test]
    fn a_stream_that_was_made_again_gets_everything() {
        let now = DateTime::from_timestamp(10_000, 0).unwrap();
        assert_eq!(lost_since(None, seen(5, 0), now), None, "nothing is known of it");
        assert_eq!(lost_since(Some(seen(5, 7)), seen(5, 7), now), None);
        assert_eq!(lost_since(Some(seen(5, 7)), seen(5, 9), now), None, "others published");
        assert_eq!(lost_since(Some(seen(5, 7)), seen(6, 9), now), Some(DateTime::UNIX_EPOCH));
        assert_eq!(lost_since(Some(seen(5, 7)), seen(6, 0), now), Some(DateTime::UNIX_EPOCH));
    }

    #[test]
    fn a_stream_that_lost_its_end_gets_the_last_hour() {
        let now = DateTime::from_timestamp(10_000, 0).unwrap();
        assert_eq!(lost_since(Some(seen(5, 7)), seen(5, 6), now), Some(now - LOST_END));
    }
}
