//! What a client may say about paging.

use serde::Deserialize;

use super::{DEFAULT_LIMIT, List, MAX_LIMIT, Start, Window};
use crate::validation::FieldErrors;

/// `page`, `limit` and `cursor` of a query string. A handler with parameters of its own takes both:
/// `Query((page, filter)): Query<(PageQuery, FilterQuery)>`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// Page number from 1; 1 when absent. Cannot be combined with `cursor`.
    #[param(value_type = Option<u32>, minimum = 1)]
    pub page: Option<i64>,
    /// Items a page, 1 to 100; 20 when absent.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    pub limit: Option<i64>,
    /// Where to continue: the `next_cursor` of the page before. The other parameters must be as they were then.
    #[param(value_type = Option<String>)]
    pub cursor: Option<String>,
}

/// A page that was asked for within bounds.
struct Page {
    /// From 1.
    number: u32,
    /// 1 to [`MAX_LIMIT`].
    limit: u32,
}

impl PageQuery {
    /// The window of `list` that is asked for. Values out of bounds are refused, never clamped.
    pub fn window(&self, list: &List) -> Result<Window, FieldErrors> {
        let mut errors = FieldErrors::new();
        let page = errors.keep(self.page());
        let start = match &self.cursor {
            None => page.as_ref().map(|page| Start::Page(page.number)),
            Some(_) if self.page.is_some() => {
                errors.add("cursor", "ambiguous", "cannot be combined with page");
                None
            }
            Some(cursor) => errors.keep(list.position(cursor)).map(Start::After),
        };
        errors.unless_any(|| Some(Window { start: start?, limit: page?.limit }))
    }

    fn page(&self) -> Result<Page, FieldErrors> {
        let mut errors = FieldErrors::new();
        let number = within(self.page.unwrap_or(1), 1, u32::MAX);
        if number.is_none() {
            errors.add("page", "out_of_range", format!("must be 1 to {}", u32::MAX));
        }
        let limit = within(self.limit.unwrap_or(DEFAULT_LIMIT.into()), 1, MAX_LIMIT);
        if limit.is_none() {
            errors.add("limit", "out_of_range", format!("must be 1 to {MAX_LIMIT}"));
        }
        errors.unless_any(|| Some(Page { number: number?, limit: limit? }))
    }
}

fn within(value: i64, low: u32, high: u32) -> Option<u32> {
    u32::try_from(value).ok().filter(|value| (low..=high).contains(value))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::paging::Position;

    fn query(page: Option<i64>, limit: Option<i64>) -> PageQuery {
        PageQuery { page, limit, cursor: None }
    }

    fn list() -> List {
        List::newest_first("things", &())
    }

    fn refused(query: &PageQuery) -> Vec<(String, String)> {
        let errors = query.window(&list()).unwrap_err();
        errors.iter().map(|error| (error.field.clone(), error.code.to_string())).collect()
    }

    #[test]
    fn absent_means_the_first_page_of_twenty() {
        assert_eq!(query(None, None).window(&list()), Ok(Window { start: Start::Page(1), limit: 20 }));
    }

    #[test]
    fn bounds_are_refused_not_clamped() {
        for (page, limit) in [(0, 20), (-1, 20), (1, 0), (1, 101), (i64::MAX, 20), (1, -5)] {
            assert!(query(Some(page), Some(limit)).window(&list()).is_err(), "{page} {limit}");
        }
        assert_eq!(refused(&query(Some(0), Some(0))).len(), 2, "both are named");
    }

    #[test]
    fn a_cursor_with_a_page_is_ambiguous_whatever_it_holds() {
        let position = Position::at(chrono::DateTime::from_timestamp(1_771_326_000, 0).unwrap(), Uuid::nil());
        let good = list().cursor(&position);
        for cursor in [good.clone(), "x".to_owned()] {
            let query = PageQuery { page: Some(1), limit: None, cursor: Some(cursor) };
            assert_eq!(refused(&query), [("cursor".to_owned(), "ambiguous".to_owned())]);
        }
        let query = PageQuery { page: None, limit: Some(5), cursor: Some(good) };
        assert_eq!(query.window(&list()), Ok(Window { start: Start::After(position), limit: 5 }));
        let query = PageQuery { page: None, limit: Some(0), cursor: Some("x".to_owned()) };
        assert_eq!(refused(&query).len(), 2, "the limit and the cursor");
    }

    proptest! {
        #[test]
        fn pages_in_bounds_are_accepted(number in 1_u32.., limit in 1_u32..=100) {
            let window = query(Some(number.into()), Some(limit.into())).window(&list()).unwrap();
            prop_assert_eq!(window.offset(), (i64::from(number) - 1) * i64::from(limit));
        }
    }
}
