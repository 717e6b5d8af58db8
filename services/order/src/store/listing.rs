//! Lists of orders.

use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgPool, Postgres, QueryBuilder};
use uuid::Uuid;

use super::document::parse;
use crate::domain::{Direction, Filter, Position, SortKey, Summary, Value};

/// Where a page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Paging {
    /// After that many rows.
    Offset(i64),
    /// After that row.
    After(Position),
}

/// Some of the rows of a list.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Page {
    /// At most as many as asked for.
    pub(crate) rows: Vec<Summary>,
    /// Rows of the whole list.
    pub(crate) total: i64,
    /// Whether more rows follow.
    pub(crate) more: bool,
}

#[derive(FromRow)]
struct SummaryRow {
    id: Uuid,
    status: String,
    total_minor: i64,
    currency: String,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    total: i64,
}

impl SummaryRow {
    fn into_summary(self) -> Result<Summary, sqlx::Error> {
        Ok(Summary {
            id: self.id,
            status: parse("status", &self.status)?,
            total_minor: self.total_minor,
            currency: parse("currency", &self.currency)?,
            created_at: self.created_at,
            updated_at: self.updated_at,
        })
    }
}

/// At most `limit` rows of the list, and how long the list is.
pub(crate) async fn page(
    pool: &PgPool,
    filter: Filter,
    key: SortKey,
    direction: Direction,
    paging: &Paging,
    limit: usize,
) -> Result<Page, sqlx::Error> {
    let mut query = select(filter, key, direction, paging, limit);
    let mut rows: Vec<SummaryRow> = query.build_query_as().fetch_all(pool).await?;
    let total = match rows.first() {
        Some(row) => row.total,
        // No row to carry the count.
        None => count(pool, filter).await?,
    };
    let more = rows.len() > limit;
    rows.truncate(limit);
    let rows = rows.into_iter().map(SummaryRow::into_summary).collect::<Result<_, _>>()?;
    Ok(Page { rows, total, more })
}

/// One row more than `limit` shows whether more follow; the count comes in the same round trip.
fn select(
    filter: Filter,
    key: SortKey,
    direction: Direction,
    paging: &Paging,
    limit: usize,
) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new(
        "SELECT id, status, total_minor, currency, created_at, updated_at, (SELECT count(*) FROM orders",
    );
    push_filter(&mut query, filter);
    query.push(") AS total FROM orders");
    push_filter(&mut query, filter);
    let column = column(key);
    let (comparison, order) = match direction {
        Direction::Asc => (">", "ASC"),
        Direction::Desc => ("<", "DESC"),
    };
    if let Paging::After(position) = paging {
        query.push(format_args!(" AND ({column}, id) {comparison} ("));
        push_value(&mut query, &position.value);
        query.push(", ").push_bind(position.id).push(")");
    }
    query.push(format_args!(" ORDER BY {column} {order}, id {order} LIMIT "));
    query.push_bind(i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1));
    if let Paging::Offset(offset) = paging {
        query.push(" OFFSET ").push_bind(*offset);
    }
    query
}

async fn count(pool: &PgPool, filter: Filter) -> Result<i64, sqlx::Error> {
    let mut query = QueryBuilder::new("SELECT count(*) FROM orders");
    push_filter(&mut query, filter);
    query.build_query_scalar().fetch_one(pool).await
}

fn push_filter(query: &mut QueryBuilder<Postgres>, filter: Filter) {
    query.push(" WHERE true");
    if let Some(user_id) = filter.user_id {
        query.push(" AND user_id = ").push_bind(user_id);
    }
    if let Some(status) = filter.status {
        query.push(" AND status = ").push_bind(status.as_str());
    }
}

fn push_value(query: &mut QueryBuilder<Postgres>, value: &Value) {
    match value {
        Value::CreatedAt(at) | Value::UpdatedAt(at) => query.push_bind(*at),
        Value::TotalAmount(minor) => query.push_bind(*minor),
        Value::Status(status) => query.push_bind(status.as_str()),
    };
}

const fn column(key: SortKey) -> &'static str {
    match key {
        SortKey::CreatedAt => "created_at",
        SortKey::UpdatedAt => "updated_at",
        SortKey::TotalAmount => "total_minor",
        SortKey::Status => "status",
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone as _;

    use super::*;
    use crate::domain::Status;

    #[test]
    fn a_filter_and_a_position_narrow_both_the_rows_and_the_order() {
        let filter = Filter { user_id: Some(Uuid::nil()), status: Some(Status::Pending) };
        let position = Position {
            value: Value::CreatedAt(Utc.timestamp_opt(0, 0).unwrap()),
            direction: Direction::Desc,
            status: None,
            id: Uuid::nil(),
        };
        let query = select(filter, SortKey::CreatedAt, Direction::Desc, &Paging::After(position), 20);
        let sql = query.sql();
        let sql = sql.as_str();
        assert!(
            sql.ends_with(
                "WHERE true AND user_id = $3 AND status = $4 AND (created_at, id) < ($5, $6) \
             ORDER BY created_at DESC, id DESC LIMIT $7"
            ),
            "{sql}"
        );
    }
}
