//! Dead letters in PostgreSQL.

use chrono::{DateTime, Utc};
use kit::database::{self, Database, Error, Query as _, Statement};
use kit::paging::{Direction, Position, Slice, Window};
use sqlx::{FromRow, PgConnection, PgPool};
use uuid::Uuid;

use crate::domain::DeadLetter;

#[derive(FromRow)]
struct Row {
    id: Uuid,
    subject: String,
    event_id: Option<Uuid>,
    payload: Vec<u8>,
    cause: String,
    attempts: i32,
    redrives: i32,
    redrive_id: Option<Uuid>,
    created_at: DateTime<Utc>,
    redriven_at: Option<DateTime<Utc>>,
}

impl From<Row> for DeadLetter {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            subject: row.subject,
            event_id: row.event_id,
            payload: row.payload,
            cause: row.cause,
            attempts: row.attempts,
            redrives: row.redrives,
            redrive_id: row.redrive_id,
            created_at: row.created_at,
            redriven_at: row.redriven_at,
        }
    }
}

/// Records a dead letter; false when its source was recorded before.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    letter: &DeadLetter,
    source: &str,
) -> Result<bool, sqlx::Error> {
    let result = sqlx::query(
        "INSERT INTO dead_letters (id, source, subject, event_id, payload, cause, attempts, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT ON CONSTRAINT dead_letters_source DO NOTHING",
    )
    .bind(letter.id)
    .bind(source)
    .bind(&letter.subject)
    .bind(letter.event_id)
    .bind(&letter.payload)
    .bind(&letter.cause)
    .bind(letter.attempts)
    .bind(letter.created_at)
    .execute(connection)
    .await?;
    Ok(result.rows_affected() == 1)
}

/// The part of all dead letters that `window` asks for, newest first.
pub(crate) async fn list(database: &Database, window: &Window) -> Result<Slice<DeadLetter>, Error> {
    let all = |statement: &mut Statement| {
        statement.push(" FROM dead_letters WHERE true");
    };
    let mut statement = Statement::new(
        "SELECT id, subject, event_id, payload, cause, attempts, redrives, redrive_id, created_at, redriven_at",
    );
    window.push_total(&mut statement, all);
    all(&mut statement);
    window.push(&mut statement, "created_at", Direction::Desc);
    let found = database.rows(statement.sql(), &statement.parameters()).await?;
    let total = window.total(database, &found, all).await?;
    let letters = found.iter().map(letter).collect::<Result<_, _>>()?;
    Ok(window.slice(letters, total, |letter: &DeadLetter| Position::at(letter.created_at, letter.id)))
}

fn letter(row: &database::Row) -> Result<DeadLetter, Error> {
    Ok(DeadLetter {
        id: row.try_get("id")?,
        subject: row.try_get("subject")?,
        event_id: row.try_get("event_id")?,
        payload: row.try_get("payload")?,
        cause: row.try_get("cause")?,
        attempts: row.try_get("attempts")?,
        redrives: row.try_get("redrives")?,
        redrive_id: row.try_get("redrive_id")?,
        created_at: row.try_get("created_at")?,
        redriven_at: row.try_get("redriven_at")?,
    })
}

/// A dead letter.
pub(crate) async fn find(pool: &PgPool, id: Uuid) -> Result<Option<DeadLetter>, sqlx::Error> {
    let row: Option<Row> =
        sqlx::query_as("SELECT * FROM dead_letters WHERE id = $1").bind(id).fetch_optional(pool).await?;
    Ok(row.map(Into::into))
}

/// Notes a redrive under its own message id; none when an earlier one has sent everything.
pub(crate) async fn begin_redrive(
    pool: &PgPool,
    id: Uuid,
    redrive_id: Uuid,
) -> Result<Option<DeadLetter>, sqlx::Error> {
    let row: Option<Row> = sqlx::query_as(
        "UPDATE dead_letters SET redrives = redrives + 1, redrive_id = $2 \
         WHERE id = $1 AND redriven_at IS NULL RETURNING *",
    )
    .bind(id)
    .bind(redrive_id)
    .fetch_optional(pool)
    .await?;
    Ok(row.map(Into::into))
}

/// Ends a redrive: with its cause when it failed, else for good.
pub(crate) async fn end_redrive(
    pool: &PgPool,
    id: Uuid,
    failure: Option<&str>,
    now: DateTime<Utc>,
) -> Result<Option<DeadLetter>, sqlx::Error> {
    let row: Option<Row> = sqlx::query_as(
        "UPDATE dead_letters SET cause = CASE WHEN redriven_at IS NULL THEN coalesce($2, cause) ELSE cause END, \
             redriven_at = coalesce(redriven_at, CASE WHEN $2 IS NULL THEN $3 END) \
         WHERE id = $1 RETURNING *",
    )
    .bind(id)
    .bind(failure)
    .bind(now)
    .fetch_optional(pool)
    .await?;
    Ok(row.map(Into::into))
}
