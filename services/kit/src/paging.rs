//! Lists by page number and by cursor.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};

use crate::problem::{FieldError, Problem};

/// Items on a page when the client does not say.
pub const DEFAULT_LIMIT: u32 = 20;
/// Most items on a page.
pub const MAX_LIMIT: u32 = 100;

/// `page`, `limit` and `cursor` of a query string. May be flattened into a service's own query type.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// Page number from 1; 1 when absent.
    #[serde(default, deserialize_with = "number")]
    #[param(value_type = Option<u32>, minimum = 1)]
    pub page: Option<i64>,
    /// Items a page, 1 to 100; 20 when absent.
    #[serde(default, deserialize_with = "number")]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    pub limit: Option<i64>,
    /// Where to continue: the `next_cursor` of the page before.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// A page that was asked for within bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// Page number from 1.
    pub number: u32,
    /// Items a page, 1 to [`MAX_LIMIT`].
    pub limit: u32,
}

impl PageQuery {
    /// The page asked for. Values out of bounds are refused with 400, never clamped.
    pub fn validated(&self) -> Result<Page, Problem> {
        let mut errors = Vec::new();
        let number = within(self.page.unwrap_or(1), 1, u32::MAX);
        if number.is_none() {
            errors.push(FieldError::new("page", "out_of_range", "must be 1 or more"));
        }
        let limit = within(self.limit.unwrap_or(DEFAULT_LIMIT.into()), 1, MAX_LIMIT);
        if limit.is_none() {
            errors.push(FieldError::new(
                "limit",
                "out_of_range",
                format!("must be between 1 and {MAX_LIMIT}"),
            ));
        }
        match (number, limit) {
            (Some(number), Some(limit)) => Ok(Page { number, limit }),
            _ => Err(Problem::validation(errors)),
        }
    }
}

impl Page {
    /// Rows to skip, for SQL `OFFSET`.
    pub fn offset(self) -> i64 {
        i64::from(self.number - 1) * i64::from(self.limit)
    }

    /// Rows to return, for SQL `LIMIT`.
    pub fn limit(self) -> i64 {
        i64::from(self.limit)
    }
}

/// The `pagination` of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Pagination {
    /// This page, from 1.
    pub page: u32,
    /// Items a page.
    pub limit: u32,
    /// Items on all pages.
    pub total_items: u64,
    /// Pages in all; 0 when there are no items.
    pub total_pages: u64,
}

impl Pagination {
    /// The pagination of `page` in a list of `total_items`.
    pub fn new(page: Page, total_items: u64) -> Self {
        Self {
            page: page.number,
            limit: page.limit,
            total_items,
            total_pages: total_items.div_ceil(u64::from(page.limit.max(1))),
        }
    }
}

/// A list as the API answers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Listing<T> {
    /// The items of this page.
    pub data: Vec<T>,
    /// Where this page stands among all.
    pub pagination: Pagination,
    /// Pass it as `cursor` to get the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

impl<T> Listing<T> {
    /// A list without a cursor.
    pub fn new(data: Vec<T>, page: Page, total_items: u64) -> Self {
        Self { data, pagination: Pagination::new(page, total_items), next_cursor: None }
    }

    /// The same list with a cursor for the next page.
    #[must_use]
    pub fn with_next_cursor(mut self, cursor: Option<String>) -> Self {
        self.next_cursor = cursor;
        self
    }
}

/// Writes a keyset position as an opaque cursor.
pub fn encode_cursor<T: Serialize>(position: &T) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(position).unwrap_or_default())
}

/// Reads a cursor; anything that [`encode_cursor`] did not write for a `T` is refused with 400.
pub fn decode_cursor<T: DeserializeOwned>(cursor: &str) -> Result<T, Problem> {
    URL_SAFE_NO_PAD
        .decode(cursor)
        .ok()
        .and_then(|json| serde_json::from_slice(&json).ok())
        .ok_or_else(|| Problem::field("cursor", "invalid", "is not a cursor of this list"))
}

fn within(value: i64, low: u32, high: u32) -> Option<u32> {
    u32::try_from(value).ok().filter(|value| (low..=high).contains(value))
}

/// A number in a query string. Flattened structs see text where others see numbers, so both are read.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Value {
        Number(i64),
        Text(String),
    }
    match Option::<Value>::deserialize(deserializer)? {
        None => Ok(None),
        Some(Value::Number(number)) => Ok(Some(number)),
        Some(Value::Text(text)) => {
            text.parse().map(Some).map_err(|_| serde::de::Error::custom("must be a whole number"))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn query(page: Option<i64>, limit: Option<i64>) -> PageQuery {
        PageQuery { page, limit, cursor: None }
    }

    #[test]
    fn absent_means_the_first_page_of_twenty() {
        assert_eq!(query(None, None).validated().unwrap(), Page { number: 1, limit: 20 });
    }

    #[test]
    fn bounds_are_refused_not_clamped() {
        for (page, limit) in [(0, 20), (-1, 20), (1, 0), (1, 101), (i64::MAX, 20), (1, -5)] {
            let problem = query(Some(page), Some(limit)).validated().unwrap_err();
            assert_eq!(problem.status(), http::StatusCode::BAD_REQUEST, "{page} {limit}");
        }
    }

    #[test]
    fn foreign_cursors_are_refused() {
        for text in ["", "x", "bm90IGpzb24", "e30"] {
            assert!(decode_cursor::<(i64, String)>(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn cursors_round_trip(time: i64, id: String) {
            let position = (time, id);
            prop_assert_eq!(decode_cursor::<(i64, String)>(&encode_cursor(&position)).unwrap(), position);
        }

        #[test]
        fn every_item_is_on_exactly_one_page(limit in 1_u32..=100, total in 0_u64..100_000) {
            let pagination = Pagination::new(Page { number: 1, limit }, total);
            prop_assert!(pagination.total_pages * u64::from(limit) >= total);
            prop_assert!(pagination.total_pages.saturating_sub(1) * u64::from(limit) <= total.saturating_sub(u64::from(total > 0)));
        }

        #[test]
        fn pages_in_bounds_are_accepted(number in 1_u32.., limit in 1_u32..=100) {
            let page = query(Some(number.into()), Some(limit.into())).validated().unwrap();
            prop_assert_eq!(page.offset(), (i64::from(number) - 1) * i64::from(limit));
        }
    }
}
