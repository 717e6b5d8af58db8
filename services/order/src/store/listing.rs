//! Lists of orders.

use kit::database::{Database, Error, Query, Row, Statement};
use kit::paging::{Direction, Slice, Window};

use super::document::parse;
use crate::domain::{Filter, SortBy, Summary};

/// The part of the list that `window` asks for.
pub(crate) async fn list(
    database: &Database,
    filter: Filter,
    sort_by: SortBy,
    direction: Direction,
    window: &Window,
) -> Result<Slice<Summary>, Error> {
    let statement = select(filter, sort_by, direction, window);
    let found = database.rows(statement.sql(), &statement.parameters()).await?;
    let total = window.total(database, &found, |statement| push_filter(statement, filter)).await?;
    let rows = found.iter().map(summary).collect::<Result<_, _>>()?;
    Ok(window.slice(rows, total, |row| sort_by.position(row)))
}

fn summary(row: &Row) -> Result<Summary, Error> {
    Ok(Summary {
        id: row.try_get("id")?,
        number: parse("number", row.try_get("number")?)?,
        user_id: row.try_get("user_id")?,
        status: parse("status", row.try_get("status")?)?,
        total_minor: row.try_get("total_minor")?,
        currency: parse("currency", row.try_get("currency")?)?,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
    })
}

fn select(filter: Filter, sort_by: SortBy, direction: Direction, window: &Window) -> Statement {
    let mut statement =
        Statement::new("SELECT id, number, user_id, status, total_minor, currency, created_at, updated_at");
    window.push_total(&mut statement, |statement| push_filter(statement, filter));
    push_filter(&mut statement, filter);
    window.push(&mut statement, column(sort_by), direction);
    statement
}

fn push_filter(statement: &mut Statement, filter: Filter) {
    statement.push(" FROM orders WHERE true");
    if let Some(user_id) = filter.user_id {
        statement.push(" AND user_id = ").bind(user_id);
    }
    if let Some(status) = filter.status {
        statement.push(" AND status = ").bind(status.as_str());
    }
    if let Some(number) = filter.number {
        statement.push(" AND number = ").bind(number.to_string());
    }
}

const fn column(sort_by: SortBy) -> &'static str {
    match sort_by {
        SortBy::CreatedAt => "created_at",
        SortBy::UpdatedAt => "updated_at",
        SortBy::TotalAmount => "total_minor",
        SortBy::Status => "status",
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use kit::paging::{Position, Start};
    use uuid::Uuid;

    use super::*;
    use crate::domain::Status;

    #[test]
    fn a_filter_and_a_position_narrow_the_rows_and_nothing_is_counted() {
        let filter = Filter { user_id: Some(Uuid::nil()), status: Some(Status::Pending), number: None };
        let start = Start::After(Position::at(DateTime::UNIX_EPOCH, Uuid::nil()));
        let statement = select(filter, SortBy::CreatedAt, Direction::Desc, &Window { start, limit: 20 });
        assert_eq!(
            statement.sql(),
            "SELECT id, number, user_id, status, total_minor, currency, created_at, updated_at FROM orders \
             WHERE true AND user_id = $1 AND status = $2 AND (created_at, id) < ($3, $4) \
             ORDER BY created_at DESC, id DESC LIMIT $5"
        );
    }
}
