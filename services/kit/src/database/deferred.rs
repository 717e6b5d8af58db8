//! Writes that are left to the commit, as one statement.
//!
//! PostgreSQL runs the data-modifying parts of a `WITH` with one snapshot, each exactly once (manual, section 7.8.4). One
//! statement instead of several saves their exchanges, and for the server their planning, their answers and most of the
//! switching between processes, which cost more than the rows.

use std::fmt;

use super::{Statement, ToSql};
use crate::outbox::NewRow;
use crate::store::outbox;

/// The rows that a deferred write returns. Its text is their name, for the `FROM` of a later deferred write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Returned(usize);

impl fmt::Display for Returned {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "write_{}", self.0)
    }
}

/// The writes of a transaction so far.
#[derive(Default)]
pub(super) struct Deferred {
    statement: Statement,
    writes: usize,
}

impl Deferred {
    /// Adds a write, whose `$1`, `$2`, … are `values`.
    pub(super) fn push(&mut self, write: &str, values: Vec<Box<dyn ToSql + Sync + Send>>) -> Returned {
        let returned = Returned(self.writes);
        self.begin(&returned.to_string());
        self.statement.append(write, values).push(")");
        returned
    }

    /// One statement for the writes and the rows of `events`; `None` when there is neither.
    pub(super) fn with_events(mut self, events: Vec<NewRow>) -> Option<Statement> {
        if !events.is_empty() {
            self.begin("written");
            self.statement
                .append(outbox::INSERT, outbox::columns(events))
                .push(") ")
                .push(outbox::INSERT_PENDING);
        } else if self.writes > 0 {
            self.statement.push(" SELECT");
        } else {
            return None;
        }
        Some(self.statement)
    }

    fn begin(&mut self, name: &str) {
        self.statement.push(if self.writes == 0 { "WITH " } else { ", " }).push(name).push(" AS (");
        self.writes += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values;

    #[test]
    fn nothing_is_no_statement() {
        assert!(Deferred::default().with_events(Vec::new()).is_none());
    }

    #[test]
    fn each_write_has_its_own_parameters() {
        let mut deferred = Deferred::default();
        deferred.push("INSERT INTO a VALUES ($1, $2, $1)", values![1, 2]);
        deferred.push("DELETE FROM b WHERE id = $1", values![3]);
        let statement = deferred.with_events(Vec::new()).unwrap();
        assert_eq!(
            statement.sql(),
            "WITH write_0 AS (INSERT INTO a VALUES ($1, $2, $1)), write_1 AS (DELETE FROM b WHERE id = $3) SELECT"
        );
        assert_eq!(statement.parameters().len(), 3);
    }
}
