//! Rows of kit's tables that nobody needs any more.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::clock::SharedClock;
use crate::database::{Database, Error};
use crate::jobs::{self, delete_in_slices};
use crate::lifecycle::Task;
use crate::store::{idempotency, outbox};
use crate::{consumer, dead_letters};

/// How often rows are deleted.
const EVERY: Duration = Duration::from_mins(10);
/// Longer than the streams keep messages (7 days), so that a lost stream can be published again.
const OUTBOX_KEPT: TimeDelta = TimeDelta::days(8);
/// Longer than any event can come back: published up to [`OUTBOX_KEPT`] after it happened, and then 7 days in the stream;
/// and eight days more, for one that could not be published at first.
const INBOX_KEPT: TimeDelta = TimeDelta::days(24);
/// Published to clients: a key is good for 24 hours.
const IDEMPOTENCY_KEPT: TimeDelta = crate::idempotency::KEPT;

/// The job.
pub(crate) fn task(database: Database, clock: SharedClock) -> Task {
    let rows = database.clone();
    jobs::every("kit retention", EVERY, database, clock, move |now| {
        let rows = rows.clone();
        async move { once(&rows, now).await }
    })
}

async fn once(database: &Database, now: DateTime<Utc>) -> Result<(), Error> {
    let (today, day) = (now.date_naive(), |kept: TimeDelta| (now - kept).date_naive());
    let partitions = outbox::partitions(database, today, day(OUTBOX_KEPT)).await?
        + consumer::partitions(database, today, day(INBOX_KEPT)).await?;
    let inbox = delete_in_slices(database, consumer::DELETE, now - INBOX_KEPT).await?;
    let letters = delete_in_slices(database, dead_letters::DELETE, now - dead_letters::KEPT).await?;
    let idempotency = delete_in_slices(database, idempotency::DELETE, now - IDEMPOTENCY_KEPT).await?;
    if inbox + letters + idempotency > 0 || partitions > 0 {
        tracing::info!(
            partitions,
            inbox,
            dead_letters = letters,
            idempotency,
            "partitions changed, old rows deleted"
        );
    }
    Ok(())
}
