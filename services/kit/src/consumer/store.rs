//! Rows of `inbox`.

use uuid::Uuid;

use crate::database::{Error, Query, Transaction};
use crate::values;

/// What the inbox knows of an event that was begun before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct History {
    /// It took effect, or was given up.
    pub(super) done: bool,
    /// Times that it was begun and not answered since.
    pub(super) starts: u32,
}

/// Name of the constraint that an event of a consumer has one row.
pub(super) const UNIQUE: &str = "inbox_pkey";

/// Marks an event that was not seen before as done, at the commit, which breaks [`UNIQUE`] when it was.
pub(super) fn complete_first(transaction: &mut Transaction, consumer: &'static str, event_id: Uuid) {
    transaction.defer("INSERT INTO inbox (consumer, event_id) VALUES ($1, $2)", values![consumer, event_id]);
}

/// Marks the event as done. False when it was before: then the transaction has nothing to do.
pub(super) async fn complete(db: impl Query, consumer: &str, event_id: Uuid) -> Result<bool, Error> {
    let rows = db
        .execute(
            "INSERT INTO inbox (consumer, event_id) VALUES ($1, $2)
             ON CONFLICT (consumer, event_id) DO UPDATE SET done = true WHERE NOT inbox.done",
            &[&consumer, &event_id],
        )
        .await?;
    Ok(rows == 1)
}

/// What is known of the event.
pub(super) async fn history(db: impl Query, consumer: &str, event_id: Uuid) -> Result<History, Error> {
    let row = db
        .row_opt(
            "SELECT done, starts FROM inbox WHERE consumer = $1 AND event_id = $2",
            &[&consumer, &event_id],
        )
        .await?;
    let Some(row) = row else { return Ok(History::default()) };
    let starts: i32 = row.try_get("starts")?;
    Ok(History { done: row.try_get("done")?, starts: u32::try_from(starts).unwrap_or(0) })
}

/// Notes that the event is about to be handled, so that one that ends the process is found.
pub(super) async fn start(db: impl Query, consumer: &str, event_id: Uuid) -> Result<(), Error> {
    db.execute(
        "INSERT INTO inbox (consumer, event_id, done, starts) VALUES ($1, $2, false, 1)
         ON CONFLICT (consumer, event_id) DO UPDATE SET starts = inbox.starts + 1 WHERE NOT inbox.done",
        &[&consumer, &event_id],
    )
    .await
    .map(|_| ())
}

/// Counts a failure, which also answers all starts, and returns how many there are now. `None` when the event
/// is done meanwhile.
pub(super) async fn fail(db: impl Query, consumer: &str, event_id: Uuid) -> Result<Option<u32>, Error> {
    let row = db
        .row_opt(
            "INSERT INTO inbox (consumer, event_id, done, failures) VALUES ($1, $2, false, 1)
             ON CONFLICT (consumer, event_id) DO UPDATE SET failures = inbox.failures + 1, starts = 0
             WHERE NOT inbox.done RETURNING failures",
            &[&consumer, &event_id],
        )
        .await?;
    let Some(row) = row else { return Ok(None) };
    let failures: i32 = row.try_get("failures")?;
    Ok(Some(u32::try_from(failures).unwrap_or(u32::MAX)))
}

/// Deletes at most $2 rows of events first seen before $1.
pub(crate) const DELETE: &str = "
    DELETE FROM inbox WHERE ctid = ANY (ARRAY(SELECT ctid FROM inbox WHERE seen_at < $1 LIMIT $2))";
