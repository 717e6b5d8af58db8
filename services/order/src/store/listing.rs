//! Lists of orders.

use kit::database::{Database, Error, Query, Row, ToSql};

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

/// At most `limit` rows of the list, and how long the list is.
pub(crate) async fn page(
    database: &Database,
    filter: Filter,
    key: SortKey,
    direction: Direction,
    paging: &Paging,
    limit: usize,
) -> Result<Page, Error> {
    let statement = select(filter, key, direction, paging, limit);
    let found = database.rows(&statement.sql, &statement.parameters()).await?;
    let total = match found.first() {
        Some(row) => row.try_get("total")?,
        // No row to carry the count.
        None => count(database, filter).await?,
    };
    let more = found.len() > limit;
    let rows = found.iter().take(limit).map(summary).collect::<Result<_, _>>()?;
    Ok(Page { rows, total, more })
}

fn summary(row: &Row) -> Result<Summary, Error> {
    Ok(Summary {
        id: row.try_get("id")?,
        status: parse("status", row.try_get("status")?)?,
        total_minor: row.try_get("total_minor")?,
        currency: parse("currency", row.try_get("currency")?)?,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
    })
}

/// A statement and its parameters, put together piece by piece.
#[derive(Default)]
struct Statement {
    sql: String,
    parameters: Vec<Box<dyn ToSql + Sync + Send>>,
}

impl Statement {
    fn push(&mut self, sql: &str) -> &mut Self {
        self.sql.push_str(sql);
        self
    }

    /// Adds `$n` and its value.
    fn bind(&mut self, value: impl ToSql + Sync + Send + 'static) -> &mut Self {
        self.parameters.push(Box::new(value));
        self.sql.push_str(&format!("${}", self.parameters.len()));
        self
    }

    fn parameters(&self) -> Vec<&(dyn ToSql + Sync)> {
        self.parameters.iter().map(|value| &**value as &(dyn ToSql + Sync)).collect()
    }
}

/// One row more than `limit` shows whether more follow; the count comes in the same exchange.
fn select(filter: Filter, key: SortKey, direction: Direction, paging: &Paging, limit: usize) -> Statement {
    let mut statement = Statement::default();
    statement.push(
        "SELECT id, status, total_minor, currency, created_at, updated_at, (SELECT count(*) FROM orders",
    );
    push_filter(&mut statement, filter);
    statement.push(") AS total FROM orders");
    push_filter(&mut statement, filter);
    let column = column(key);
    let (comparison, order) = match direction {
        Direction::Asc => (">", "ASC"),
        Direction::Desc => ("<", "DESC"),
    };
    if let Paging::After(position) = paging {
        statement.push(&format!(" AND ({column}, id) {comparison} ("));
        push_value(&mut statement, &position.value);
        statement.push(", ").bind(position.id).push(")");
    }
    statement.push(&format!(" ORDER BY {column} {order}, id {order} LIMIT "));
    statement.bind(i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1));
    if let Paging::Offset(offset) = paging {
        statement.push(" OFFSET ").bind(*offset);
    }
    statement
}

async fn count(database: &Database, filter: Filter) -> Result<i64, Error> {
    let mut statement = Statement::default();
    statement.push("SELECT count(*) FROM orders");
    push_filter(&mut statement, filter);
    Ok(database.row(&statement.sql, &statement.parameters()).await?.try_get(0)?)
}

fn push_filter(statement: &mut Statement, filter: Filter) {
    statement.push(" WHERE true");
    if let Some(user_id) = filter.user_id {
        statement.push(" AND user_id = ").bind(user_id);
    }
    if let Some(status) = filter.status {
        statement.push(" AND status = ").bind(status.as_str());
    }
}

fn push_value(statement: &mut Statement, value: &Value) {
    match value {
        Value::CreatedAt(at) | Value::UpdatedAt(at) => statement.bind(*at),
        Value::TotalAmount(minor) => statement.bind(*minor),
        Value::Status(status) => statement.bind(status.as_str()),
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
    use chrono::{TimeZone as _, Utc};
    use uuid::Uuid;

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
        let statement = select(filter, SortKey::CreatedAt, Direction::Desc, &Paging::After(position), 20);
        let sql = statement.sql;
        assert!(
            sql.ends_with(
                "WHERE true AND user_id = $3 AND status = $4 AND (created_at, id) < ($5, $6) \
             ORDER BY created_at DESC, id DESC LIMIT $7"
            ),
            "{sql}"
        );
    }
}
