//! Why a statement gave no result.

use tokio_postgres::error::SqlState;

/// Why a statement gave no result.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server cannot be reached, is silent, is stopping or is a standby. The same statement may work
    /// in a moment; whether this one took effect is unknown when it was a commit.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// Another transaction was in the way (SQLSTATE 40001, 40P01, 55P03), or the statement took too long
    /// (57014). Nothing took effect.
    #[error("the database refused a statement for now: {0}")]
    Contended(String),
    /// The statement broke a constraint.
    #[error("the statement breaks the constraint {constraint}")]
    Constraint {
        /// Name of the constraint or unique index.
        constraint: String,
    },
    /// The server refused the statement, or its answer could not be read. A defect.
    #[error("the database refused a statement: {0}")]
    Statement(String),
    /// A column holds something that the service cannot read. A defect.
    #[error("column {column} cannot be read: {message}")]
    Column {
        /// The column.
        column: String,
        /// What is wrong with it.
        message: String,
    },
    /// The event is larger than any stream would take.
    #[error("an event {event_type} of {bytes} bytes is larger than the {limit} bytes that can be published")]
    EventTooLarge {
        /// Its type, such as `OrderCreated`.
        event_type: &'static str,
        /// Size of its envelope.
        bytes: usize,
        /// Size that can be published.
        limit: usize,
    },
}

impl Error {
    /// Whether the database as a whole cannot be used right now.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }

    /// Whether the same transaction may succeed when it is run again at once.
    pub fn is_contended(&self) -> bool {
        matches!(self, Self::Contended(_))
    }

    /// Name of the constraint that was broken.
    pub fn constraint(&self) -> Option<&str> {
        match self {
            Self::Constraint { constraint } => Some(constraint),
            _ => None,
        }
    }

    /// A column that cannot be read.
    pub fn column(column: &str, message: impl std::fmt::Display) -> Self {
        Self::Column { column: column.to_owned(), message: message.to_string() }
    }
}

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(answer) = error.as_db_error() else {
            return without_answer(&error);
        };
        // Never the detail: it quotes the row, and rows name people.
        let shown = format!("{} {}", answer.code().code(), answer.message());
        if is_unavailable(answer.code()) {
            return Self::Unavailable(shown);
        }
        if is_contended(answer.code()) {
            return Self::Contended(shown);
        }
        match answer.constraint() {
            Some(constraint) => Self::Constraint { constraint: constraint.to_owned() },
            None => Self::Statement(shown),
        }
    }
}

/// The connection failed, or the client could not read or write a value.
fn without_answer(error: &tokio_postgres::Error) -> Error {
    use std::error::Error as _;
    let source = error.source();
    let shown = source.map_or_else(|| error.to_string(), |source| format!("{error}: {source}"));
    let broken =
        error.is_closed() || source.is_some_and(<dyn std::error::Error + 'static>::is::<std::io::Error>);
    if broken { Error::Unavailable(shown) } else { Error::Statement(shown) }
}

/// PostgreSQL manual, appendix A: class 08 (connection), class 57P (operator intervention, without
/// 57014), too many connections, and the refusal of a standby that was the primary a moment ago.
fn is_unavailable(code: &SqlState) -> bool {
    let code = code.code();
    code.starts_with("08") || code.starts_with("57P") || matches!(code, "53300" | "25006")
}

fn is_contended(code: &SqlState) -> bool {
    matches!(code.code(), "40001" | "40P01" | "55P03" | "57014" | "25P03")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standby_and_a_stopping_server_are_unavailable() {
        for code in ["25006", "57P01", "57P02", "57P03", "53300", "08006", "08P01"] {
            assert!(is_unavailable(&SqlState::from_code(code)), "{code}");
            assert!(!is_contended(&SqlState::from_code(code)), "{code}");
        }
    }

    #[test]
    fn locks_and_time_outs_are_contention() {
        for code in ["40001", "40P01", "55P03", "57014", "25P03"] {
            assert!(is_contended(&SqlState::from_code(code)), "{code}");
            assert!(!is_unavailable(&SqlState::from_code(code)), "{code}");
        }
        for code in ["23505", "42P01", "22008"] {
            let code = SqlState::from_code(code);
            assert!(!is_contended(&code) && !is_unavailable(&code));
        }
    }
}
