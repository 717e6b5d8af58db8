//! Rows of `outbox`, `outbox_pending` and `outbox_streams`.

use chrono::NaiveDate;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::database::{Error, Parameters, Query, ToSql};
use crate::outbox::NewRow;
use crate::values;

/// Stores events; any number is one statement.
pub(crate) const INSERT: &str = "
    INSERT INTO outbox (day, id, stream, subject, aggregate_id, sequence, payload, headers, created_at)
    SELECT * FROM unnest($1::date[], $2::uuid[], $3::text[], $4::text[], $5::uuid[], $6::bigint[],
        $7::text[], $8::text[], $9::timestamptz[])
    RETURNING stream, position, day, aggregate_id";

/// Makes those pending that [`INSERT`], under the name `written`, has stored.
pub(crate) const INSERT_PENDING: &str = "
    INSERT INTO outbox_pending (stream, position, day, aggregate_id)
    SELECT stream, position, day, aggregate_id FROM written";

/// The values of [`INSERT`].
pub(crate) fn columns(rows: Vec<NewRow>) -> Vec<Box<dyn ToSql + Sync + Send>> {
    fn column<T>(rows: &[NewRow], value: impl Fn(&NewRow) -> T) -> Vec<T> {
        rows.iter().map(value).collect()
    }
    let (days, ids) = (column(&rows, |row| row.day), column(&rows, |row| row.id));
    let (streams, subjects) = (column(&rows, |row| row.stream), column(&rows, |row| row.subject));
    let aggregates = column(&rows, |row| row.about.id);
    let sequences = column(&rows, |row| row.about.sequence);
    let times = column(&rows, |row| row.created_at);
    let (payloads, headers): (Vec<_>, Vec<_>) =
        rows.into_iter().map(|row| (row.payload, row.headers)).unzip();
    values![days, ids, streams, subjects, aggregates, sequences, payloads, headers, times]
}

/// An event to be published.
#[derive(Debug, Clone)]
pub(crate) struct PendingRow {
    pub(crate) position: i64,
    pub(crate) attempts: i32,
    pub(crate) id: Uuid,
    pub(crate) subject: String,
    pub(crate) aggregate_id: Uuid,
    pub(crate) sequence: i64,
    pub(crate) payload: String,
    pub(crate) headers: String,
}

impl TryFrom<&Row> for PendingRow {
    type Error = tokio_postgres::Error;

    fn try_from(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self {
            position: row.try_get(0)?,
            attempts: row.try_get(1)?,
            id: row.try_get(2)?,
            subject: row.try_get(3)?,
            aggregate_id: row.try_get(4)?,
            sequence: row.try_get(5)?,
            payload: row.try_get(6)?,
            headers: row.try_get(7)?,
        })
    }
}

/// What is told to the relay's own session. A deletion that a crash loses is harmless: the event is published
/// again under the same id, so nobody has to wait for the disk. The planner must take the indexes even when
/// it believes the queue to be large.
pub(crate) const RELAY_SESSION: &str = "SET synchronous_commit = off; SET enable_seqscan = off; \
    SET enable_hashjoin = off; SET enable_mergejoin = off; SET jit = off";

/// The oldest pending events of a stream that are due at $2, at most $3, and not later than an event of the
/// same aggregate that waits for another try.
pub(crate) const WINDOW: &str = "
    SELECT pending.position, pending.attempts, event.id, event.subject, event.aggregate_id, event.sequence,
        event.payload, event.headers
    FROM outbox_pending pending JOIN outbox event USING (day, position)
    WHERE pending.stream = $1 AND (pending.not_before IS NULL OR pending.not_before <= $2)
    AND NOT EXISTS (
        SELECT FROM outbox_pending earlier
        WHERE earlier.stream = pending.stream AND earlier.aggregate_id = pending.aggregate_id
        AND earlier.position < pending.position
        AND earlier.attempts > 0 AND earlier.parked_at IS NULL AND earlier.not_before > $2
    )
    ORDER BY pending.position LIMIT $3";

/// The stream has acknowledged these events.
pub(crate) const PUBLISHED: &str = "DELETE FROM outbox_pending WHERE stream = $1 AND position = ANY($2)";

/// The stream has refused these events, each by its position.
pub(crate) const REFUSED: &str = "
    UPDATE outbox_pending SET attempts = refused.attempts, not_before = refused.not_before,
        last_error = refused.last_error,
        parked_at = CASE WHEN refused.parked THEN coalesce(parked_at, $7) END
    FROM unnest($2::bigint[], $3::integer[], $4::timestamptz[], $5::text[], $6::boolean[])
        AS refused (position, attempts, not_before, last_error, parked)
    WHERE outbox_pending.stream = $1 AND outbox_pending.position = refused.position";

/// How the stream was when last seen.
pub(crate) const STREAM: &str = "SELECT created, last_sequence FROM outbox_streams WHERE stream = $1";

pub(crate) const REMEMBER_STREAM: &str = "
    INSERT INTO outbox_streams (stream, created, last_sequence) VALUES ($1, $2, $3)
    ON CONFLICT (stream) DO UPDATE SET created = excluded.created, last_sequence = excluded.last_sequence";

/// Makes the stream's kept events since $2 pending again.
pub(crate) const AGAIN: &str = "
    INSERT INTO outbox_pending (stream, position, day, aggregate_id)
    SELECT stream, position, day, aggregate_id FROM outbox WHERE stream = $1 AND created_at >= $2
    ON CONFLICT DO NOTHING";

/// How much waits, of it how much is parked, and since when the oldest of the rest.
pub(crate) const BACKLOG: &str = "
    SELECT count(*), count(parked_at), (
        SELECT min(event.created_at) FROM (
            SELECT day, position FROM outbox_pending WHERE parked_at IS NULL ORDER BY position LIMIT 1
        ) oldest JOIN outbox event USING (day, position)
    ) FROM outbox_pending";

/// Makes partitions for the next days and drops those of days before `oldest`.
pub(crate) async fn partitions(db: impl Query, today: NaiveDate, oldest: NaiveDate) -> Result<i32, Error> {
    let parameters: Parameters<'_> = &[&today, &oldest];
    let row = db.row("SELECT outbox_partitions($1, $2)", parameters).await?;
    Ok(row.try_get(0)?)
}
