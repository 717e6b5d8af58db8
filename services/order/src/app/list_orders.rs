//! Listing orders.

use super::{Error, Orders};
use crate::domain::{Direction, Filter, Position, SortKey, Summary};
use crate::store::{self, Paging};

/// Which part of which list.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    /// Which orders.
    pub(crate) filter: Filter,
    /// What they are sorted by.
    pub(crate) key: SortKey,
    /// In which direction.
    pub(crate) direction: Direction,
    /// Where the page begins.
    pub(crate) start: Start,
    /// Rows of a page.
    pub(crate) limit: u32,
}

/// Where a page begins.
#[derive(Debug, Clone)]
pub(crate) enum Start {
    /// At the page with that number, from 1.
    Page(u32),
    /// After a row of the page before.
    After(Position),
}

/// A page of orders.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Listed {
    /// The rows.
    pub(crate) rows: Vec<Summary>,
    /// Rows of the whole list.
    pub(crate) total: u64,
    /// Where the next page begins; `None` on the last one.
    pub(crate) next: Option<Position>,
}

impl Orders {
    /// A page of the list.
    pub(crate) async fn list(&self, query: Query) -> Result<Listed, Error> {
        let Query { filter, key, direction, start, limit } = query;
        let paging = match start {
            Start::Page(number) => {
                let before = u64::from(number.saturating_sub(1)) * u64::from(limit);
                Paging::Offset(i64::try_from(before).unwrap_or(i64::MAX))
            }
            Start::After(position) if position.belongs_to(key, direction, filter) => Paging::After(position),
            Start::After(_) => return Err(Error::ForeignCursor),
        };
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let page = store::page(&self.database, filter, key, direction, &paging, limit).await?;
        let next =
            page.rows.last().filter(|_| page.more).map(|row| Position::after(row, key, direction, filter));
        Ok(Listed { rows: page.rows, total: u64::try_from(page.total).unwrap_or_default(), next })
    }
}
