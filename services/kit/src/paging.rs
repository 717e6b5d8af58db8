//! Lists by page number and by cursor.
//!
//! A handler names its [`List`], asks the query for a [`Window`] of it, has the store read that window as a
//! [`Slice`], and answers a [`Listing`]. Bounds, cursors and what may not be combined are the same for every list.

mod cursor;
mod listing;
mod query;
mod sql;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

pub use cursor::{decode_cursor, encode_cursor};
pub use listing::{Listing, Pagination, Slice, Total};
pub use query::PageQuery;

/// Items on a page when the client does not say.
pub const DEFAULT_LIMIT: u32 = 20;
/// Maximum number of items on a page.
pub const MAX_LIMIT: u32 = 100;

/// Direction of a sort.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Smallest first.
    Asc,
    /// Largest, or newest, first.
    #[default]
    Desc,
}

/// What kind of value a list is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A time; between 1970 and 9999.
    Time,
    /// A whole number, such as an amount in minor units.
    Number,
    /// A text of at most 200 characters.
    Text,
}

/// A row's value of what its list is sorted by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// See [`Kind::Time`]; in microseconds, as PostgreSQL has them.
    Time(DateTime<Utc>),
    /// See [`Kind::Number`].
    Number(i64),
    /// See [`Kind::Text`].
    Text(String),
}

/// A row of a list, to continue after. Rows of one value are sorted by id, in the list's direction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// What the list is sorted by.
    pub value: Value,
    /// Which of the rows with that value.
    pub id: Uuid,
}

/// A list: its order, and what it is narrowed to. A cursor of one list is refused by every other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct List {
    kind: Kind,
    /// Short hash of name, order and filter; a cursor carries it.
    tag: u64,
}

/// The part of a list that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// Where it begins.
    pub start: Start,
    /// How many items, 1 to [`MAX_LIMIT`].
    pub limit: u32,
}

/// Where a window begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// At the page with that number, from 1.
    Page(u32),
    /// After a row of the window before.
    After(Position),
}

impl Position {
    /// The position of a row in a list sorted by a time.
    pub fn at(time: DateTime<Utc>, id: Uuid) -> Self {
        Self { value: Value::Time(time), id }
    }
}

impl Window {
    /// Rows to skip, for SQL `OFFSET`.
    pub fn offset(&self) -> i64 {
        match self.start {
            Start::Page(number) => i64::from(number.saturating_sub(1)) * i64::from(self.limit),
            Start::After(_) => 0,
        }
    }

    /// Rows to read, for SQL `LIMIT`: one more than are shown tells whether more follow.
    pub fn rows(&self) -> i64 {
        i64::from(self.limit) + 1
    }

    /// Whether the length of the whole list is to be told. After a cursor it is not: counting would cost more than
    /// the page.
    pub fn is_counted(&self) -> bool {
        matches!(self.start, Start::Page(_))
    }

    /// The slice of `rows`, of which there may be [`Self::rows`].
    pub fn slice<T>(&self, mut rows: Vec<T>, total: Total, position: impl Fn(&T) -> Position) -> Slice<T> {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(position);
        Slice { items: rows, total, next }
    }
}
