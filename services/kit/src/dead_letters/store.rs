//! Rows of `inbox_dead_letters`.

mod filter;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Letter, NewLetter};
use crate::consumer::Origin;
use crate::database::{Database, Error, Query, Row, Statement, ToSql, Transaction};
use crate::paging::{Direction, Position, Slice, Window};

pub(super) use filter::Filter;

const COLUMNS: &str = "id, consumer, event_id, subject, stream, stream_sequence, stored_at, aggregate_id, \
                       aggregate_sequence, traceparent, payload, cause, attempts, created_at, redrives, \
                       redrive_id, redriven_at, discarded_at, discard_reason";

/// Dead letters of one consumer and subject that failed for the same cause.
#[derive(Debug, Clone)]
pub(super) struct Group {
    pub(super) consumer: String,
    pub(super) subject: String,
    pub(super) cause: String,
    pub(super) count: i64,
    pub(super) oldest: DateTime<Utc>,
    pub(super) newest: DateTime<Utc>,
}

fn letter(row: &Row) -> Result<Letter, Error> {
    let payload: Vec<u8> = row.try_get("payload")?;
    let stream_sequence: i64 = row.try_get("stream_sequence")?;
    Ok(Letter {
        id: row.try_get("id")?,
        origin: Origin {
            consumer: row.try_get("consumer")?,
            stream: row.try_get("stream")?,
            stream_sequence: u64::try_from(stream_sequence).unwrap_or_default(),
            stored_at: row.try_get("stored_at")?,
            subject: row.try_get("subject")?,
            event_id: row.try_get("event_id")?,
            aggregate_id: row.try_get("aggregate_id")?,
            aggregate_sequence: row.try_get("aggregate_sequence")?,
            traceparent: row.try_get("traceparent")?,
            payload: Bytes::from(payload),
        },
        cause: row.try_get("cause")?,
        attempts: row.try_get("attempts")?,
        created_at: row.try_get("created_at")?,
        redrives: row.try_get("redrives")?,
        redrive_id: row.try_get("redrive_id")?,
        redriven_at: row.try_get("redriven_at")?,
        discarded_at: row.try_get("discarded_at")?,
        discard_reason: row.try_get("discard_reason")?,
    })
}

fn one(row: Option<Row>) -> Result<Option<Letter>, Error> {
    row.map(|row| letter(&row)).transpose()
}

/// Writes a dead letter. One of the same message that is still dead gets the further cause; one that had been
/// redriven or discarded is dead again.
pub(super) async fn insert(
    transaction: &mut Transaction,
    id: Uuid,
    new: &NewLetter<'_>,
    message: &str,
    cause: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let Origin { consumer, stream, stream_sequence, stored_at, subject, .. } = new.origin;
    let sequence = i64::try_from(*stream_sequence).unwrap_or(i64::MAX);
    let attempts = i32::try_from(new.attempts).unwrap_or(i32::MAX);
    let parameters: [&(dyn ToSql + Sync); 15] = [
        &id,
        consumer,
        &message,
        &new.origin.event_id,
        subject,
        stream,
        &sequence,
        stored_at,
        &new.origin.aggregate_id,
        &new.origin.aggregate_sequence,
        &new.origin.traceparent,
        &&*new.origin.payload,
        &cause,
        &attempts,
        &now,
    ];
    transaction
        .execute(
            "INSERT INTO inbox_dead_letters AS known
                 (id, consumer, message, event_id, subject, stream, stream_sequence, stored_at, aggregate_id,
                  aggregate_sequence, traceparent, payload, cause, attempts, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
             ON CONFLICT ON CONSTRAINT inbox_dead_letters_message DO UPDATE
             SET cause = CASE WHEN known.redriven_at IS NULL AND known.discarded_at IS NULL
                                   AND position(excluded.cause IN known.cause) = 0
                              THEN left(known.cause || '; ' || excluded.cause, 1000)
                              ELSE excluded.cause END,
                 attempts = known.attempts + excluded.attempts,
                 redriven_at = NULL, discarded_at = NULL, discard_reason = NULL",
            &parameters,
        )
        .await
        .map(|_| ())
}

/// The part of the list that `window` asks for, newest first.
pub(super) async fn list(
    database: &Database,
    filter: &Filter,
    window: &Window,
) -> Result<Slice<Letter>, Error> {
    let narrow = |statement: &mut Statement| filter.push(statement);
    let mut statement = Statement::new(&format!("SELECT {COLUMNS}"));
    window.push_total(&mut statement, narrow);
    narrow(&mut statement);
    window.push(&mut statement, "created_at", Direction::Desc);
    let found = database.rows(statement.sql(), &statement.parameters()).await?;
    let total = window.total(database, &found, narrow).await?;
    let letters = found.iter().map(letter).collect::<Result<_, _>>()?;
    Ok(window.slice(letters, total, |letter: &Letter| Position::at(letter.created_at, letter.id)))
}

/// Those that wait for an administrator, by consumer, subject and cause, most first.
pub(super) async fn groups(db: impl Query, limit: i64) -> Result<Vec<Group>, Error> {
    let rows = db
        .rows(
            "SELECT consumer, subject, cause, count(*) AS count, min(created_at) AS oldest, max(created_at) AS newest
             FROM inbox_dead_letters WHERE redriven_at IS NULL AND discarded_at IS NULL
             GROUP BY consumer, subject, cause ORDER BY count DESC, newest DESC, consumer, subject, cause LIMIT $1",
            &[&limit],
        )
        .await?;
    let group = |row: &Row| -> Result<Group, Error> {
        Ok(Group {
            consumer: row.try_get("consumer")?,
            subject: row.try_get("subject")?,
            cause: row.try_get("cause")?,
            count: row.try_get("count")?,
            oldest: row.try_get("oldest")?,
            newest: row.try_get("newest")?,
        })
    };
    rows.iter().map(group).collect()
}

/// A dead letter.
pub(super) async fn find(db: impl Query, id: Uuid) -> Result<Option<Letter>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM inbox_dead_letters WHERE id = $1");
    one(db.row_opt(&sql, &[&id]).await?)
}

/// Locks a dead letter that is still dead, until the transaction ends.
pub(super) async fn hold(transaction: &mut Transaction, id: Uuid) -> Result<bool, Error> {
    let row = transaction
        .row_opt(
            "SELECT 1 FROM inbox_dead_letters
             WHERE id = $1 AND redriven_at IS NULL AND discarded_at IS NULL FOR UPDATE",
            &[&id],
        )
        .await?;
    Ok(row.is_some())
}

/// Ends the redrive of that message id, which took effect, in its transaction.
pub(super) async fn redriven(
    transaction: &mut Transaction,
    id: Uuid,
    redrive_id: Uuid,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    transaction
        .execute(
            "UPDATE inbox_dead_letters
             SET redriven_at = $3, redrives = redrives + 1, redrive_id = $2, redrive_due_at = NULL WHERE id = $1",
            &[&id, &redrive_id, &now],
        )
        .await
        .map(|_| ())
}

/// Keeps why the redrive of that message id failed.
pub(super) async fn redrive_failed(
    db: impl Query,
    id: Uuid,
    redrive_id: Uuid,
    cause: &str,
) -> Result<(), Error> {
    db.execute(
        "UPDATE inbox_dead_letters
         SET cause = $3, redrives = redrives + 1, redrive_id = $2, redrive_due_at = NULL
         WHERE id = $1 AND redriven_at IS NULL AND discarded_at IS NULL",
        &[&id, &redrive_id, &cause],
    )
    .await
    .map(|_| ())
}

/// Asks for a redrive of every dead letter that the filter means, and returns how many there are.
pub(super) async fn ask_redrive(db: impl Query, filter: &Filter, now: DateTime<Utc>) -> Result<u64, Error> {
    let sql = format!("UPDATE inbox_dead_letters SET redrive_due_at = $6 WHERE {}", Filter::SQL);
    let [status, consumer, subject, cause, before] = filter.parameters();
    db.execute(&sql, &[status, consumer, subject, cause, before, &now]).await
}

/// The oldest dead letter whose redrive is due. It is due again at `again`, unless it has ended by then.
pub(super) async fn take_due(
    db: impl Query,
    now: DateTime<Utc>,
    again: DateTime<Utc>,
) -> Result<Option<Letter>, Error> {
    let sql = format!(
        "UPDATE inbox_dead_letters SET redrive_due_at = $2
         WHERE id = (SELECT id FROM inbox_dead_letters WHERE redrive_due_at <= $1
                     ORDER BY created_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
         RETURNING {COLUMNS}"
    );
    one(db.row_opt(&sql, &[&now, &again]).await?)
}

/// Makes a redrive due later.
pub(super) async fn delay_redrive(db: impl Query, id: Uuid, due: DateTime<Utc>) -> Result<(), Error> {
    db.execute(
        "UPDATE inbox_dead_letters SET redrive_due_at = $2 WHERE id = $1 AND redrive_due_at IS NOT NULL",
        &[&id, &due],
    )
    .await
    .map(|_| ())
}

/// Marks a dead letter as discarded; `None` when it is not dead.
pub(super) async fn discard(
    db: impl Query,
    id: Uuid,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<Option<Letter>, Error> {
    let sql = format!(
        "UPDATE inbox_dead_letters SET discarded_at = $3, discard_reason = $2, redrive_due_at = NULL
         WHERE id = $1 AND redriven_at IS NULL AND discarded_at IS NULL RETURNING {COLUMNS}"
    );
    one(db.row_opt(&sql, &[&id, &reason, &now]).await?)
}

/// Marks every dead letter that the filter means as discarded, and returns how many there were.
pub(super) async fn discard_many(
    db: impl Query,
    filter: &Filter,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<u64, Error> {
    let sql = format!(
        "UPDATE inbox_dead_letters SET discarded_at = $6, discard_reason = $7, redrive_due_at = NULL WHERE {}",
        Filter::SQL
    );
    let [status, consumer, subject, cause, before] = filter.parameters();
    db.execute(&sql, &[status, consumer, subject, cause, before, &now, &reason]).await
}

/// The oldest dead letters whose copy is not in the stream.
pub(super) async fn unpublished(db: impl Query, limit: i64) -> Result<Vec<Letter>, Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM inbox_dead_letters WHERE published_at IS NULL ORDER BY created_at LIMIT $1"
    );
    db.rows(&sql, &[&limit]).await?.iter().map(letter).collect()
}

/// Marks copies as stored.
pub(super) async fn published(db: impl Query, ids: &[Uuid], now: DateTime<Utc>) -> Result<(), Error> {
    db.execute("UPDATE inbox_dead_letters SET published_at = $2 WHERE id = ANY($1)", &[&ids, &now])
        .await
        .map(|_| ())
}

/// How many wait for an administrator.
pub(super) async fn open(db: impl Query) -> Result<i64, Error> {
    let sql = "SELECT count(*) FROM inbox_dead_letters WHERE redriven_at IS NULL AND discarded_at IS NULL";
    Ok(db.row(sql, &[]).await?.try_get(0)?)
}

/// Deletes at most $2 rows written before $1.
pub(crate) const DELETE: &str = "
    DELETE FROM inbox_dead_letters WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM inbox_dead_letters WHERE created_at < $1 LIMIT $2))";
