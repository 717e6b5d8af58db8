//! Rows of `outbox`.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sqlx::types::Json;
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

/// Begins a relay's transaction. Marks that a crash loses are harmless: the rows are published again
/// under the same ids, so nobody has to wait for the disk.
pub(crate) const BEGIN_RELAY: &str = "BEGIN; SET LOCAL synchronous_commit = off";

/// A row to be written.
pub(crate) struct NewRow<'a> {
    pub(crate) id: Uuid,
    pub(crate) subject: &'a str,
    pub(crate) aggregate_id: Uuid,
    /// The envelope as JSON text, so that no number passes through a float.
    pub(crate) payload: &'a str,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) created_at: DateTime<Utc>,
}

/// A row to be published.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct Row {
    pub(crate) id: Uuid,
    pub(crate) subject: String,
    pub(crate) payload: String,
    pub(crate) headers: Json<BTreeMap<String, String>>,
}

/// How much is waiting.
#[derive(Debug, Clone, Copy, PartialEq, sqlx::FromRow)]
pub(crate) struct Backlog {
    pub(crate) pending: i64,
    pub(crate) oldest: Option<DateTime<Utc>>,
}

pub(crate) async fn insert(connection: &mut PgConnection, row: NewRow<'_>) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO outbox (id, subject, aggregate_id, payload, headers, created_at)
         VALUES ($1, $2, $3, $4::jsonb, $5, $6)",
    )
    .bind(row.id)
    .bind(row.subject)
    .bind(row.aggregate_id)
    .bind(row.payload)
    .bind(Json(row.headers))
    .bind(row.created_at)
    .execute(connection)
    .await
    .map(|_| ())
}

/// The oldest unpublished rows that no other relay holds; held until the transaction ends.
pub(crate) async fn claim(connection: &mut PgConnection, limit: i64) -> Result<Vec<Row>, sqlx::Error> {
    sqlx::query_as(
        "SELECT id, subject, payload::text AS payload, headers FROM outbox
         WHERE published_at IS NULL ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED",
    )
    .bind(limit)
    .fetch_all(connection)
    .await
}

/// Marks rows as published; `sequences` belong to `ids` by position.
pub(crate) async fn mark_published(
    connection: &mut PgConnection,
    ids: &[Uuid],
    sequences: &[i64],
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE outbox SET published_at = $3, stream_sequence = acked.sequence
         FROM unnest($1::uuid[], $2::bigint[]) AS acked (id, sequence) WHERE outbox.id = acked.id",
    )
    .bind(ids)
    .bind(sequences)
    .bind(now)
    .execute(connection)
    .await
    .map(|_| ())
}

/// The largest sequence among the newest rows that a stream acknowledged, by the stream's subjects. No
/// more than the rows of a few batches, which two relays may have marked in another order, are looked at.
pub(crate) async fn last_sequence(
    executor: impl PgExecutor<'_>,
    subjects: &[&str],
) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT max(stream_sequence) FROM (
             SELECT stream_sequence FROM outbox WHERE published_at IS NOT NULL AND subject = ANY($1)
             ORDER BY published_at DESC LIMIT 1000
         ) AS newest",
    )
    .bind(subjects)
    .fetch_one(executor)
    .await
}

/// Makes all kept rows of these subjects unpublished again, because their stream was lost.
pub(crate) async fn forget_published(
    executor: impl PgExecutor<'_>,
    subjects: &[&str],
) -> Result<u64, sqlx::Error> {
    sqlx::query(
        "UPDATE outbox SET published_at = NULL, stream_sequence = NULL
         WHERE published_at IS NOT NULL AND subject = ANY($1)",
    )
    .bind(subjects)
    .execute(executor)
    .await
    .map(|result| result.rows_affected())
}

pub(crate) async fn backlog(executor: impl PgExecutor<'_>) -> Result<Backlog, sqlx::Error> {
    sqlx::query_as(
        "SELECT count(*) AS pending, min(created_at) AS oldest FROM outbox WHERE published_at IS NULL",
    )
    .fetch_one(executor)
    .await
}

pub(crate) async fn delete_published(
    executor: impl PgExecutor<'_>,
    before: DateTime<Utc>,
) -> Result<u64, sqlx::Error> {
    sqlx::query("DELETE FROM outbox WHERE published_at < $1")
        .bind(before)
        .execute(executor)
        .await
        .map(|result| result.rows_affected())
}
