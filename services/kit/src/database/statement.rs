//! A statement that is put together piece by piece.

use std::fmt::Write as _;

use tokio_postgres::types::ToSql;

/// Values of a statement's parameters, in order, for [`Statement::append`](crate::database::Statement::append) and
/// [`Transaction::defer`](crate::database::Transaction::defer).
#[macro_export]
macro_rules! values {
    ($($value:expr),* $(,)?) => {
        vec![$(Box::new($value) as Box<dyn $crate::database::ToSql + Sync + Send>),*]
    };
}

/// SQL text and the values of its parameters, in order. Text comes from the program alone; whatever comes from a
/// request is bound.
#[derive(Default)]
pub struct Statement {
    sql: String,
    values: Vec<Box<dyn ToSql + Sync + Send>>,
}

impl Statement {
    /// A statement that begins with `sql`.
    pub fn new(sql: &str) -> Self {
        Self { sql: sql.to_owned(), values: Vec::new() }
    }

    /// Adds text.
    pub fn push(&mut self, sql: &str) -> &mut Self {
        self.sql.push_str(sql);
        self
    }

    /// Adds `$n` and its value.
    pub fn bind(&mut self, value: impl ToSql + Sync + Send + 'static) -> &mut Self {
        self.values.push(Box::new(value));
        // Writing to a string cannot fail.
        let _ = write!(self.sql, "${}", self.values.len());
        self
    }

    /// Adds text whose `$1`, `$2`, … are `values`, under the numbers that are free.
    pub fn append(&mut self, sql: &str, values: Vec<Box<dyn ToSql + Sync + Send>>) -> &mut Self {
        let before = self.values.len();
        let mut pieces = sql.split('$');
        self.sql.push_str(pieces.next().unwrap_or_default());
        for piece in pieces {
            let digits = piece.bytes().take_while(u8::is_ascii_digit).count();
            let (number, rest) = piece.split_at(digits);
            // A program's own text: what is no number here is refused by the server.
            let number: usize = number.parse().unwrap_or_default();
            let _ = write!(self.sql, "${}", before + number);
            self.sql.push_str(rest);
        }
        self.values.extend(values);
        self
    }

    /// Its text.
    pub fn sql(&self) -> &str {
        &self.sql
    }

    /// Its values, for [`Query`](super::Query).
    pub fn parameters(&self) -> Vec<&(dyn ToSql + Sync)> {
        self.values.iter().map(|value| &**value as &(dyn ToSql + Sync)).collect()
    }
}
