//! Deletes rows that nobody needs any more.

use std::time::Duration;

use chrono::TimeDelta;

use super::{idempotency, inbox, outbox};
use crate::clock::SharedClock;
use crate::database::Database;
use crate::lifecycle::Shutdown;

/// How often rows are deleted.
const EVERY: Duration = Duration::from_mins(10);
/// Longer than the streams keep messages (7 days), so that a lost stream can be published again.
const OUTBOX_KEPT: TimeDelta = TimeDelta::days(8);
/// Longer than any event can come back: [`OUTBOX_KEPT`] after its first time, and then 7 days in the stream.
const INBOX_KEPT: TimeDelta = TimeDelta::days(16);
/// Published to clients: a key is good for 24 hours.
const IDEMPOTENCY_KEPT: TimeDelta = crate::idempotency::KEPT;

/// Sweeps until shutdown.
pub(crate) async fn run(database: Database, clock: SharedClock, shutdown: Shutdown) -> anyhow::Result<()> {
    loop {
        if let Err(error) = once(&database, &clock).await {
            tracing::warn!(%error, "old rows could not be deleted");
        }
        if !shutdown.sleep(EVERY).await {
            return Ok(());
        }
    }
}

pub(crate) async fn once(database: &Database, clock: &SharedClock) -> Result<(), sqlx::Error> {
    let (pool, now) = (database.pool(), clock.now());
    let outbox = outbox::delete_published(&pool, now - OUTBOX_KEPT).await?;
    let inbox = inbox::delete(&pool, now - INBOX_KEPT).await?;
    let idempotency = idempotency::delete(&pool, now - IDEMPOTENCY_KEPT).await?;
    if outbox + inbox + idempotency > 0 {
        tracing::info!(outbox, inbox, idempotency, "old rows deleted");
    }
    Ok(())
}
