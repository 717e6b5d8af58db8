//! Lists as the API answers them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{List, Position, Start, Window};

/// Items of a whole list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Total {
    /// Counted.
    Exact(u64),
    /// Too many to count for one page; what PostgreSQL's planner expects.
    Estimate(u64),
    /// Nobody asked.
    NotCounted,
}

/// A part of a list, as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice<T> {
    /// Its items.
    pub items: Vec<T>,
    /// Items of the whole list.
    pub total: Total,
    /// The last item's position when more follow.
    pub next: Option<Position>,
}

/// Where a page stands in its list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Pagination {
    /// This page, from 1.
    #[schema(example = 1)]
    pub page: u32,
    /// Items a page.
    #[schema(example = 20)]
    pub limit: u32,
    /// Items on all pages; an estimate in lists of more than 100,000.
    #[schema(example = 1)]
    pub total_items: u64,
    /// Pages in all; 0 when there are no items.
    #[schema(example = 1)]
    pub total_pages: u64,
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Listing<T> {
    /// The items.
    pub data: Vec<T>,
    /// Where the page stands among all; absent after a `cursor`, because such a page needs no count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub pagination: Option<Pagination>,
    /// Pass it as `cursor` to get what follows; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub next_cursor: Option<String>,
}

impl Pagination {
    /// The pagination of the page with that number, of at most `limit` items, in a list of `total_items`.
    fn new(page: u32, limit: u32, total_items: u64) -> Self {
        Self { page, limit, total_items, total_pages: total_items.div_ceil(u64::from(limit.max(1))) }
    }
}

impl List {
    /// The answer for a window of this list.
    pub fn answer<T, U>(&self, window: &Window, slice: Slice<T>, view: impl Fn(T) -> U) -> Listing<U> {
        let pagination = match (&window.start, slice.total) {
            (Start::Page(number), Total::Exact(total) | Total::Estimate(total)) => {
                Some(Pagination::new(*number, window.limit, total))
            }
            _ => None,
        };
        Listing {
            data: slice.items.into_iter().map(view).collect(),
            pagination,
            next_cursor: slice.next.map(|position| self.cursor(&position)),
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::paging::PageQuery;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "a slice lends its items")]
    fn position(number: &u32) -> Position {
        Position::at(DateTime::from_timestamp(i64::from(*number), 0).unwrap(), Uuid::nil())
    }

    #[test]
    fn a_page_tells_its_place_and_a_cursor_continues_without_a_count() {
        let list = List::newest_first("numbers", &());
        let window = PageQuery { page: Some(2), limit: Some(2), cursor: None }.window(&list).unwrap();
        let slice = window.slice(vec![3, 4, 5], Total::Exact(5), position);
        let listing = list.answer(&window, slice, |number| number);
        assert_eq!(listing.data, [3, 4]);
        let pagination = listing.pagination.unwrap();
        assert_eq!((pagination.page, pagination.total_items, pagination.total_pages), (2, 5, 3));

        let query = PageQuery { page: None, limit: Some(2), cursor: listing.next_cursor };
        let window = query.window(&list).unwrap();
        assert_eq!(window.start, Start::After(position(&4)));
        assert!(!window.is_counted());
        let last = list.answer(&window, window.slice(vec![5], Total::NotCounted, position), |number| number);
        assert_eq!((last.pagination, last.next_cursor), (None, None));
    }

    proptest! {
        #[test]
        fn every_item_is_on_exactly_one_page(limit in 1_u32..=100, total in 0_u64..100_000) {
            let pagination = Pagination::new(1, limit, total);
            prop_assert!(pagination.total_pages * u64::from(limit) >= total);
            prop_assert!(pagination.total_pages.saturating_sub(1) * u64::from(limit) <= total.saturating_sub(u64::from(total > 0)));
        }
    }
}
