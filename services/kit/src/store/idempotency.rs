//! Rows of `idempotency_keys`.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};

/// A key that was used before.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct Row {
    pub(crate) request_hash: Vec<u8>,
    pub(crate) status: Option<i16>,
    /// JSON text, so that no number passes through a float.
    pub(crate) body: Option<String>,
    pub(crate) created_at: DateTime<Utc>,
}

/// Tries to become the only transaction that works on this key; false when another one does.
pub(crate) async fn try_lock(
    connection: &mut PgConnection,
    owner: &str,
    key: &str,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT pg_try_advisory_xact_lock(hashtextextended($1 || chr(31) || $2, 0))")
        .bind(owner)
        .bind(key)
        .fetch_one(connection)
        .await
}

pub(crate) async fn find(
    connection: &mut PgConnection,
    owner: &str,
    key: &str,
) -> Result<Option<Row>, sqlx::Error> {
    sqlx::query_as(
        "SELECT request_hash, status, body::text AS body, created_at FROM idempotency_keys
         WHERE owner = $1 AND key = $2",
    )
    .bind(owner)
    .bind(key)
    .fetch_optional(connection)
    .await
}

/// Writes the key, or takes it over when it was written before `cutoff`; false when it is in use.
pub(crate) async fn take(
    connection: &mut PgConnection,
    owner: &str,
    key: &str,
    request_hash: &[u8],
    now: DateTime<Utc>,
    cutoff: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    sqlx::query(
        "INSERT INTO idempotency_keys (owner, key, request_hash, created_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (owner, key) DO UPDATE
         SET request_hash = excluded.request_hash, status = NULL, body = NULL, created_at = excluded.created_at
         WHERE idempotency_keys.created_at <= $5",
    )
    .bind(owner)
    .bind(key)
    .bind(request_hash)
    .bind(now)
    .bind(cutoff)
    .execute(connection)
    .await
    .map(|result| result.rows_affected() == 1)
}

pub(crate) async fn finish(
    connection: &mut PgConnection,
    owner: &str,
    key: &str,
    status: i16,
    body: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE idempotency_keys SET status = $3, body = $4::jsonb WHERE owner = $1 AND key = $2")
        .bind(owner)
        .bind(key)
        .bind(status)
        .bind(body)
        .execute(connection)
        .await
        .map(|_| ())
}

pub(crate) async fn delete(executor: impl PgExecutor<'_>, before: DateTime<Utc>) -> Result<u64, sqlx::Error> {
    sqlx::query("DELETE FROM idempotency_keys WHERE created_at < $1")
        .bind(before)
        .execute(executor)
        .await
        .map(|result| result.rows_affected())
}
