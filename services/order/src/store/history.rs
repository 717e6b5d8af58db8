//! An order's history.

use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgExecutor};
use uuid::Uuid;

use super::document::parse;
use crate::domain::HistoryEntry;

#[derive(FromRow)]
struct HistoryRow {
    from_status: Option<String>,
    to_status: String,
    actor_kind: String,
    at: DateTime<Utc>,
}

/// The order's changes of state, oldest first.
pub(crate) async fn history(
    executor: impl PgExecutor<'_>,
    order_id: Uuid,
) -> Result<Vec<HistoryEntry>, sqlx::Error> {
    let rows = sqlx::query_as::<_, HistoryRow>(
        "SELECT from_status, to_status, actor_kind, at
        FROM order_history WHERE order_id = $1 ORDER BY id",
    )
    .bind(order_id)
    .fetch_all(executor)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(HistoryEntry {
                from: row.from_status.map(|status| parse("from_status", &status)).transpose()?,
                to: parse("to_status", &row.to_status)?,
                actor_kind: row.actor_kind,
                at: row.at,
            })
        })
        .collect()
}
