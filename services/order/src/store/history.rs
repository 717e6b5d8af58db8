//! An order's history.

use kit::database::{Error, Query, Row};
use uuid::Uuid;

use super::document::parse;
use crate::domain::HistoryEntry;

/// The order's changes of state, oldest first.
pub(crate) async fn history(db: impl Query, order_id: Uuid) -> Result<Vec<HistoryEntry>, Error> {
    let sql =
        "SELECT from_status, to_status, actor_kind, at FROM order_history WHERE order_id = $1 ORDER BY id";
    db.rows(sql, &[&order_id]).await?.iter().map(entry).collect()
}

fn entry(row: &Row) -> Result<HistoryEntry, Error> {
    let from: Option<&str> = row.try_get("from_status")?;
    Ok(HistoryEntry {
        from: from.map(|status| parse("from_status", status)).transpose()?,
        to: parse("to_status", row.try_get("to_status")?)?,
        actor_kind: row.try_get("actor_kind")?,
        at: row.try_get("at")?,
    })
}
