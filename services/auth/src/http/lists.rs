//! Lists: pages by number, and by cursor.

use chrono::Datelike;
use kit::paging::{Listing, PageQuery, decode_cursor, encode_cursor};
use kit::problem::Problem;

use crate::store::{Position, Slice, Window};

/// The part of a list that a query asks for.
pub(super) fn window(query: &PageQuery) -> Result<Window, Problem> {
    let page = query.validated()?;
    let after = query.cursor.as_deref().map(decode_cursor::<Position>).transpose()?;
    // Nothing of ours is from another time, and PostgreSQL does not know every year that a cursor can spell.
    if after.is_some_and(|position| !(1970..10_000).contains(&position.at.year())) {
        return Err(Problem::field("cursor", "invalid", "is not a cursor of this list"));
    }
    if after.is_some() && query.page.is_some() {
        return Err(Problem::field("page", "conflicting", "cannot be combined with a cursor"));
    }
    Ok(Window { page, after })
}

/// The answer for a part of a list.
pub(super) fn listing<T, V>(slice: Slice<T>, window: Window, view: impl Fn(T) -> V) -> Listing<V> {
    let data = slice.items.into_iter().map(view).collect();
    Listing::new(data, window.page, slice.total).with_next_cursor(slice.next.as_ref().map(encode_cursor))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(cursor: &str, page: Option<i64>) -> PageQuery {
        PageQuery { page, limit: None, cursor: Some(cursor.to_owned()) }
    }

    #[test]
    fn a_cursor_of_another_time_or_with_a_page_is_refused() {
        let id = uuid::Uuid::now_v7();
        let at = |seconds| chrono::DateTime::from_timestamp(seconds, 0).unwrap();
        let good = Position { at: at(1_800_000_000), id };
        assert_eq!(window(&query(&encode_cursor(&good), None)).unwrap().after, Some(good));
        assert!(window(&query(&encode_cursor(&good), Some(1))).is_err());
        assert!(window(&query(&encode_cursor(&Position { at: at(-8_000_000_000_000), id }), None)).is_err());
        assert!(window(&query("x", None)).is_err());
    }
}
