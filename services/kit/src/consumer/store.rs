//! Rows of `inbox`.

use chrono::NaiveDate;
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

/// Whether a constraint is that an event of a consumer has one row: each partition has one, named after its day.
pub(super) fn is_unique(constraint: &str) -> bool {
    let partition = constraint.strip_prefix("inbox_").and_then(|rest| rest.strip_suffix("_pkey"));
    partition.is_some_and(|part| part == "default" || part.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Marks an event that was not seen before as done, at the commit, which breaks a constraint that [`is_unique`] when it
/// was.
pub(super) fn complete_first(transaction: &mut Transaction, consumer: &'static str, event_id: Uuid) {
    transaction.defer(
        "INSERT INTO inbox (day, consumer, event_id) VALUES (inbox_day($2), $1, $2)",
        values![consumer, event_id],
    );
}

/// Marks the event as done. False when it was before: then the transaction has nothing to do.
pub(super) async fn complete(db: impl Query, consumer: &str, event_id: Uuid) -> Result<bool, Error> {
    let rows = db
        .execute(
            "INSERT INTO inbox (day, consumer, event_id) VALUES (inbox_day($2), $1, $2)
             ON CONFLICT (day, consumer, event_id) DO UPDATE SET done = true WHERE NOT inbox.done",
            &[&consumer, &event_id],
        )
        .await?;
    Ok(rows == 1)
}

/// What is known of the event.
pub(super) async fn history(db: impl Query, consumer: &str, event_id: Uuid) -> Result<History, Error> {
    let row = db
        .row_opt(
            "SELECT done, starts FROM inbox WHERE day = inbox_day($2) AND consumer = $1 AND event_id = $2",
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
        "INSERT INTO inbox (day, consumer, event_id, done, starts) VALUES (inbox_day($2), $1, $2, false, 1)
         ON CONFLICT (day, consumer, event_id) DO UPDATE SET starts = inbox.starts + 1 WHERE NOT inbox.done",
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
            "INSERT INTO inbox (day, consumer, event_id, done, failures) VALUES (inbox_day($2), $1, $2, false, 1)
             ON CONFLICT (day, consumer, event_id) DO UPDATE SET failures = inbox.failures + 1, starts = 0
             WHERE NOT inbox.done RETURNING failures",
            &[&consumer, &event_id],
        )
        .await?;
    let Some(row) = row else { return Ok(None) };
    let failures: i32 = row.try_get("failures")?;
    Ok(Some(u32::try_from(failures).unwrap_or(u32::MAX)))
}

/// Makes partitions for the days around `today` and drops those of days before `oldest`.
pub(crate) async fn partitions(db: impl Query, today: NaiveDate, oldest: NaiveDate) -> Result<i32, Error> {
    let row = db.row("SELECT inbox_partitions($1, $2)", &[&today, &oldest]).await?;
    Ok(row.try_get(0)?)
}

/// Deletes at most $2 rows of events that were first seen before $1 and have no partition of their day.
pub(crate) const DELETE: &str = "
    DELETE FROM inbox_default WHERE ctid = ANY (ARRAY(SELECT ctid FROM inbox_default WHERE seen_at < $1 LIMIT $2))";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_each_partition_says_that_an_event_is_known_and_no_other_key_does() {
        for key in ["inbox_20261126_pkey", "inbox_default_pkey"] {
            assert!(is_unique(key), "{key}");
        }
        for key in ["inbox_dead_letters_pkey", "inbox_20261126_day_check", "orders_pkey"] {
            assert!(!is_unique(key), "{key}");
        }
    }
}
