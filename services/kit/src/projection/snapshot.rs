//! A snapshot, page by page in the order of ids.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::validation::FieldErrors;

/// Maximum number of items on a page, and their number unless the reader asks for fewer.
pub const MAX_ITEMS: i64 = 500;

/// One aggregate in a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item<S> {
    /// The aggregate.
    pub id: Uuid,
    /// Its row version: the `Shopflow-Sequence` of its last event, or later.
    pub sequence: i64,
    /// Its state.
    pub state: S,
}

/// A page of `GET /internal/<aggregates>`, in the order of ids. What is created while somebody reads may be on no page;
/// its event comes through the stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot<S> {
    /// The aggregates.
    pub data: Vec<Item<S>>,
    /// Pass it as `cursor` to get the next page; `null` on the last.
    pub next_cursor: Option<Uuid>,
}

/// Query of `GET /internal/<aggregates>`.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub struct SnapshotQuery {
    /// The last id of the page before.
    cursor: Option<Uuid>,
    /// Maximum number of items, 1 to [`MAX_ITEMS`].
    limit: Option<i64>,
}

/// The part of a snapshot that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Only aggregates with a larger id.
    pub after: Uuid,
    /// Maximum number of them, for SQL `LIMIT`.
    pub limit: i64,
}

impl SnapshotQuery {
    /// The part that is asked for. A limit out of bounds is refused.
    pub fn part(self) -> Result<Part, FieldErrors> {
        let limit = self.limit.unwrap_or(MAX_ITEMS);
        if !(1..=MAX_ITEMS).contains(&limit) {
            return Err(FieldErrors::one("limit", "out_of_range", format!("must be 1 to {MAX_ITEMS}")));
        }
        // Nothing has the nil UUID, and nothing is before it.
        Ok(Part { after: self.cursor.unwrap_or(Uuid::nil()), limit })
    }
}

impl Part {
    /// The page that holds `data`, which was read with this limit.
    pub fn page<S>(self, data: Vec<Item<S>>) -> Snapshot<S> {
        let full = i64::try_from(data.len()).is_ok_and(|length| length >= self.limit);
        let next_cursor = data.last().filter(|_| full).map(|item| item.id);
        Snapshot { data, next_cursor }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::Query;

    #[test]
    fn a_page_is_within_bounds_and_names_where_the_next_one_begins() {
        let part = |text: &str| Query::<SnapshotQuery>::parse(text).and_then(|Query(query)| query.part());
        assert_eq!(part(""), Ok(Part { after: Uuid::nil(), limit: MAX_ITEMS }));
        for refused in ["limit=0", "limit=501", "limit=-1", "limit=x", "cursor=x", "page=1"] {
            assert!(part(refused).is_err(), "{refused}");
        }
        let id = Uuid::from_u128(7);
        let part = part(&format!("limit=1&cursor={}", Uuid::from_u128(6))).unwrap();
        assert_eq!(part, Part { after: Uuid::from_u128(6), limit: 1 });
        let item = Item { id, sequence: 1, state: () };
        assert_eq!(part.page(vec![item]).next_cursor, Some(id));
        assert_eq!(part.page::<()>(vec![]).next_cursor, None);
    }
}
