//! Which dead letters are meant.

use chrono::{DateTime, Utc};

use crate::database::{Statement, ToSql};
use crate::dead_letters::Status;

/// Every condition that is given has to hold.
#[derive(Debug, Clone, Default)]
pub(in crate::dead_letters) struct Filter {
    pub(in crate::dead_letters) status: Option<Status>,
    pub(in crate::dead_letters) consumer: Option<String>,
    pub(in crate::dead_letters) subject: Option<String>,
    pub(in crate::dead_letters) cause: Option<String>,
    pub(in crate::dead_letters) before: Option<DateTime<Utc>>,
}

impl Filter {
    /// The conditions over [`Self::parameters`].
    pub(super) const SQL: &str = "($1::text IS NULL OR $1 = CASE WHEN redriven_at IS NOT NULL THEN 'redriven'
                                                                WHEN discarded_at IS NOT NULL THEN 'discarded'
                                                                ELSE 'dead' END)
        AND ($2::text IS NULL OR consumer = $2) AND ($3::text IS NULL OR subject = $3)
        AND ($4::text IS NULL OR cause = $4) AND ($5::timestamptz IS NULL OR created_at < $5)";

    pub(super) fn parameters(&self) -> [&(dyn ToSql + Sync); 5] {
        let Self { status, consumer, subject, cause, before } = self;
        let status: &(dyn ToSql + Sync) = match status {
            None => &None::<&str>,
            Some(Status::Dead) => &"dead",
            Some(Status::Redriven) => &"redriven",
            Some(Status::Discarded) => &"discarded",
        };
        [status, consumer, subject, cause, before]
    }

    /// The same for a list, with only the conditions that are given.
    pub(super) fn push(&self, statement: &mut Statement) {
        statement.push(" FROM inbox_dead_letters WHERE true");
        match self.status {
            None => {}
            Some(Status::Dead) => {
                statement.push(" AND redriven_at IS NULL AND discarded_at IS NULL");
            }
            Some(Status::Redriven) => {
                statement.push(" AND redriven_at IS NOT NULL");
            }
            Some(Status::Discarded) => {
                statement.push(" AND redriven_at IS NULL AND discarded_at IS NOT NULL");
            }
        }
        let given = [
            (" AND consumer = ", &self.consumer),
            (" AND subject = ", &self.subject),
            (" AND cause = ", &self.cause),
        ];
        for (condition, value) in given {
            if let Some(value) = value {
                statement.push(condition).bind(value.clone());
            }
        }
        if let Some(before) = self.before {
            statement.push(" AND created_at < ").bind(before);
        }
    }
}
