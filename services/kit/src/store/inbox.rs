//! Rows of `inbox`.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

/// False when the row is there already.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    consumer: &str,
    event_id: Uuid,
) -> Result<bool, sqlx::Error> {
    sqlx::query("INSERT INTO inbox (consumer, event_id) VALUES ($1, $2) ON CONFLICT DO NOTHING")
        .bind(consumer)
        .bind(event_id)
        .execute(connection)
        .await
        .map(|result| result.rows_affected() == 1)
}

pub(crate) async fn delete(executor: impl PgExecutor<'_>, before: DateTime<Utc>) -> Result<u64, sqlx::Error> {
    sqlx::query("DELETE FROM inbox WHERE processed_at < $1")
        .bind(before)
        .execute(executor)
        .await
        .map(|result| result.rows_affected())
}
