//! Which part of a list is wanted.

use chrono::{DateTime, Utc};
use kit::paging::Page;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Where an item stands in a list that is sorted by a time, latest first, and then by identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The item's time.
    pub at: DateTime<Utc>,
    /// The item's identifier.
    pub id: Uuid,
}

/// The part of a list that is wanted: a page by its number, or what follows a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The page; its number is 1 when `after` is given.
    pub page: Page,
    /// The last item that the client has.
    pub after: Option<Position>,
}

/// A part of a list.
#[derive(Debug)]
pub struct Slice<T> {
    /// Its items.
    pub items: Vec<T>,
    /// Items in the whole list.
    pub total: u64,
    /// The last item's position when more follow.
    pub next: Option<Position>,
}

impl Window {
    /// One more than the page holds, to learn whether more follow.
    pub(super) fn limit(self) -> i64 {
        self.page.limit() + 1
    }

    /// The slice for this window. `items` were read with [`Self::limit`].
    pub(crate) fn slice<T>(
        self,
        mut items: Vec<T>,
        total: i64,
        position: impl Fn(&T) -> Position,
    ) -> Slice<T> {
        let size = usize::try_from(self.page.limit).unwrap_or(usize::MAX);
        let more = items.len() > size;
        items.truncate(size);
        let next = items.last().filter(|_| more).map(position);
        Slice { items, total: total.unsigned_abs(), next }
    }
}
