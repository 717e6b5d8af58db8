//! Rows of `inbox`.

use sqlx::PgConnection;
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

/// Deletes at most $2 rows from before $1.
pub(crate) const DELETE: &str = "
    DELETE FROM inbox WHERE ctid = ANY (ARRAY(SELECT ctid FROM inbox WHERE processed_at < $1 LIMIT $2))";
