//! Query strings.

mod decode;

use axum::extract::FromRequestParts;
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::problem::Problem;
use crate::validation::FieldErrors;

/// The query string as a struct, or as a tuple of structs that share it. What cannot be read, is unknown to all of
/// them or is given twice is 400, and names every such field at once. Do not `flatten`: serde then hides which fields
/// there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> Query<T> {
    /// Reads the text after the `?`.
    pub fn parse(text: &str) -> Result<Self, FieldErrors> {
        decode::decode(text).map(Self)
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(Self::parse(parts.uri.query().unwrap_or_default())?)
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use uuid::Uuid;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Sort {
        CreatedAt,
        Total,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Filter {
        sort: Option<Sort>,
        user_id: Option<Uuid>,
        q: Option<String>,
        in_stock: Option<bool>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Page {
        page: Option<i64>,
        size: Option<f64>,
    }

    fn read(text: &str) -> Result<(Page, Filter), Vec<(String, String)>> {
        Query::<(Page, Filter)>::parse(text).map(|Query(read)| read).map_err(|errors| {
            errors.iter().map(|error| (error.field.clone(), error.code.to_string())).collect()
        })
    }

    #[test]
    fn every_kind_of_value_is_read() {
        let text = "page=-2&size=1.5&sort=created_at&user_id=019c6b1e-0000-7000-8000-000000000001&q=a+b%20c&in_stock=true";
        let (page, filter) = read(text).unwrap();
        assert_eq!(page, Page { page: Some(-2), size: Some(1.5) });
        assert_eq!((filter.sort, filter.q.as_deref()), (Some(Sort::CreatedAt), Some("a b c")));
        assert_eq!((filter.user_id.is_some(), filter.in_stock), (true, Some(true)));
        assert_eq!(read("").unwrap().0, Page { page: None, size: None });
    }

    #[test]
    fn every_refused_field_is_named_at_once_and_none_of_rusts_types() {
        let errors = Query::<(Page, Filter)>::parse(
            "page=one&size=NaN&sort=up&user_id=7&in_stock=1&colour=red&q=a&q=b",
        )
        .unwrap_err();
        let said: Vec<String> =
            errors.iter().map(|error| format!("{} {} {}", error.field, error.code, error.message)).collect();
        assert_eq!(
            said,
            [
                "q repeated must be given once",
                "page invalid must be a whole number",
                "size invalid must be a number",
                "sort unknown_value must be created_at or total",
                "user_id invalid must be a UUID",
                "in_stock invalid must be true or false",
                "colour unknown_field is not a parameter of this request",
            ]
        );
    }

    #[test]
    fn an_empty_value_is_a_value() {
        assert_eq!(read("sort=").unwrap_err(), [("sort".to_owned(), "unknown_value".to_owned())]);
        assert_eq!(read("q=").unwrap().1.q.as_deref(), Some(""));
    }

    #[test]
    fn what_postgresql_cannot_store_is_refused() {
        assert_eq!(read("q=a%00b").unwrap_err(), [("q".to_owned(), "control_character".to_owned())]);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text: String) {
            let _ = read(&text);
        }
    }
}
