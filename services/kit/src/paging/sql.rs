//! A window as SQL.

use super::{Direction, Start, Total, Value, Window};
use crate::database::{Database, Error, Query as _, Row, Statement};

/// Items up to which a list is counted one by one; beyond, the planner's estimate is told.
const COUNTED: u64 = 100_000;

impl Window {
    /// Completes a `SELECT` that ends in its `WHERE`: ` AND (column, id) < ($n, $m) ORDER BY column DESC, id DESC
    /// LIMIT $k`, or an `OFFSET` for a page by number.
    pub fn push(&self, statement: &mut Statement, column: &str, direction: Direction) {
        let (comparison, order) = match direction {
            Direction::Asc => (">", "ASC"),
            Direction::Desc => ("<", "DESC"),
        };
        if let Start::After(position) = &self.start {
            statement.push(&format!(" AND ({column}, id) {comparison} ("));
            match &position.value {
                Value::Time(time) => statement.bind(*time),
                Value::Number(number) => statement.bind(*number),
                Value::Text(text) => statement.bind(text.clone()),
            };
            statement.push(", ").bind(position.id).push(")");
        }
        statement.push(&format!(" ORDER BY {column} {order}, id {order} LIMIT ")).bind(self.rows());
        if let Start::Page(_) = self.start {
            statement.push(" OFFSET ").bind(self.offset());
        }
    }

    /// Adds the column `total` to a `SELECT` that ends in its columns, where the list's length is told. `rows` adds
    /// ` FROM … WHERE …`.
    pub fn push_total(&self, statement: &mut Statement, rows: impl Fn(&mut Statement)) {
        if self.is_counted() {
            statement.push(", (");
            push_count(statement, rows);
            statement.push(") AS total");
        }
    }

    /// The length of the whole list, from the rows of a statement with [`Self::push_total`].
    pub async fn total(
        &self,
        database: &Database,
        found: &[Row],
        rows: impl Fn(&mut Statement),
    ) -> Result<Total, Error> {
        let counted: i64 = match (found.first(), &self.start) {
            (_, Start::After(_)) => return Ok(Total::NotCounted),
            (Some(row), Start::Page(_)) => row.try_get("total")?,
            (None, Start::Page(1)) => 0,
            // Past the end, where no row carries the count.
            (None, Start::Page(_)) => {
                let mut statement = Statement::default();
                push_count(&mut statement, &rows);
                database.row(statement.sql(), &statement.parameters()).await?.try_get(0)?
            }
        };
        let counted = counted.unsigned_abs();
        if counted <= COUNTED {
            return Ok(Total::Exact(counted));
        }
        // At least as many as were seen, whatever the planner thinks.
        Ok(Total::Estimate(estimate(database, rows).await?.max(counted)))
    }
}

/// Counts no further than is told exactly.
fn push_count(statement: &mut Statement, rows: impl Fn(&mut Statement)) {
    statement.push("SELECT count(*) FROM (SELECT");
    rows(statement);
    statement.push(&format!(" LIMIT {}) AS counted", COUNTED + 1));
}

async fn estimate(database: &Database, rows: impl Fn(&mut Statement)) -> Result<u64, Error> {
    let mut statement = Statement::new("EXPLAIN (FORMAT JSON) SELECT");
    rows(&mut statement);
    let row = database.row(statement.sql(), &statement.parameters()).await?;
    let plan: serde_json::Value = row.try_get(0)?;
    Ok(plan[0]["Plan"]["Plan Rows"].as_u64().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use uuid::Uuid;

    use super::*;
    use crate::paging::Position;

    fn sql(start: Start, direction: Direction) -> (String, usize) {
        let mut statement = Statement::new("SELECT id FROM things WHERE true");
        Window { start, limit: 20 }.push(&mut statement, "created_at", direction);
        (statement.sql().to_owned(), statement.parameters().len())
    }

    #[test]
    fn a_position_narrows_the_rows_and_a_page_skips_them() {
        let position = Position::at(DateTime::UNIX_EPOCH, Uuid::nil());
        assert_eq!(
            sql(Start::After(position), Direction::Desc),
            (
                "SELECT id FROM things WHERE true AND (created_at, id) < ($1, $2) \
                 ORDER BY created_at DESC, id DESC LIMIT $3"
                    .to_owned(),
                3
            )
        );
        assert_eq!(
            sql(Start::Page(3), Direction::Asc),
            (
                "SELECT id FROM things WHERE true ORDER BY created_at ASC, id ASC LIMIT $1 OFFSET $2"
                    .to_owned(),
                2
            )
        );
    }
}
