//! Request bodies.

use axum::body::{Bytes, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::objects::Objects;
use super::wording::field_error;
use crate::http::{BodyLimit, MAX_BODY};
use crate::problem::{Code, Problem};

/// A JSON request body, or a JSON answer. Take `Result<Json<T>, Problem>` where something must be refused before the
/// body is: who may not, or whose key was used before, learns nothing about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        decode(&read(request).await?).map(Self)
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// The bytes of a JSON body.
pub(crate) async fn read(request: Request) -> Result<Bytes, Problem> {
    if !is_json(&request) {
        return Err(Problem::of(Code::UnsupportedMediaType).with_detail("Send the body as application/json."));
    }
    body(request).await
}

/// The bytes of a body, of at most the request's [`BodyLimit`].
pub async fn body(request: Request) -> Result<Bytes, Problem> {
    let limit = request.extensions().get().map_or(MAX_BODY, |BodyLimit(limit)| *limit);
    let announced =
        request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: usize| length > limit) {
        return Err(Problem::too_large(limit));
    }
    to_bytes(request.into_body(), limit).await.map_err(|error| unreadable(&error, limit))
}

fn is_json(request: &Request) -> bool {
    let Some(value) = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

fn unreadable(error: &axum::Error, limit: usize) -> Problem {
    let causes = std::iter::successors(std::error::Error::source(error), |error| error.source());
    if causes.into_iter().any(<dyn std::error::Error + 'static>::is::<http_body_util::LengthLimitError>) {
        Problem::too_large(limit)
    } else {
        Problem::bad_request("The body could not be read.")
    }
}

pub(crate) fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value: T = serde_path_to_error::deserialize(Objects(&mut deserializer)).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner();
        // serde_json takes a number where an enumeration stands for broken syntax, although the text is fine.
        if inner.is_data() || serde_json::from_slice::<IgnoredAny>(body).is_ok() {
            Problem::validation(vec![field_error(&path, &inner.to_string())])
        } else {
            Problem::bad_request("The body is not valid JSON.")
        }
    })?;
    deserializer.end().map_err(|_| Problem::bad_request("The body is not valid JSON."))?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http::StatusCode;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Order {
        #[expect(dead_code, reason = "only decoded")]
        items: Vec<Item>,
    }

    #[derive(Debug, Deserialize)]
    struct Item {
        #[expect(dead_code, reason = "only decoded")]
        quantity: u32,
        #[expect(dead_code, reason = "only decoded")]
        size: Option<Size>,
    }

    #[derive(Debug, Deserialize)]
    enum Size {
        Small,
    }

    fn refusal(json: &str) -> (String, String) {
        let problem = decode::<Order>(json.as_bytes()).unwrap_err();
        assert_eq!(problem.status(), StatusCode::BAD_REQUEST);
        problem.errors().first().map(|e| (e.field.clone(), e.code.to_string())).unwrap_or_default()
    }

    #[test]
    fn the_refused_field_is_named() {
        let case = |field: &str, code: &str| (field.to_owned(), code.to_owned());
        assert_eq!(refusal(r#"{"items":[{"quantity":"two"}]}"#), case("items[0].quantity", "invalid"));
        assert_eq!(refusal(r#"{"items":[{}]}"#), case("items[0].quantity", "required"));
        assert_eq!(refusal("{}"), case("items", "required"));
        assert_eq!(refusal(r#"{"items":[],"role":"admin"}"#), case("role", "unknown_field"));
        assert_eq!(refusal(r#"{"items":[],"items":[]}"#), case("items", "repeated"));
        assert_eq!(refusal(r#"{"items":[{"quantity":1,"size":7}]}"#), case("items[0].size", "invalid"));
    }

    #[test]
    fn text_that_is_no_json_is_refused() {
        for text in ["", "{", "{\"items\":[]} x"] {
            assert!(decode::<Order>(text.as_bytes()).unwrap_err().errors().is_empty(), "{text}");
        }
    }

    #[test]
    fn a_list_is_not_taken_for_an_object() {
        #[derive(Debug, Default, Deserialize)]
        #[serde(default)]
        struct Choice {
            subject: Option<String>,
        }
        for text in ["[]", " [\"order.created\"]"] {
            assert_eq!(
                decode::<Choice>(text.as_bytes()).unwrap_err().errors()[0].message,
                "must be an object"
            );
        }
        assert_eq!(decode::<Choice>(b"{}").unwrap().subject, None);
        let nested = decode::<Order>(br#"{"items":[{"quantity":1},[1,null]]}"#).unwrap_err();
        let error = &nested.errors()[0];
        assert_eq!((error.field.as_str(), error.message.as_str()), ("items[1]", "must be an object"));
    }

    #[tokio::test]
    async fn a_body_over_the_limit_is_413_whether_it_is_announced_or_not() {
        let request = || Request::builder().header(CONTENT_TYPE, "application/json");
        let announced = request().header(CONTENT_LENGTH, MAX_BODY + 1).body(Body::empty()).unwrap();
        let streamed = request().body(Body::from(vec![b' '; MAX_BODY + 1])).unwrap();
        for request in [announced, streamed] {
            let problem = read(request).await.unwrap_err();
            assert_eq!(problem.code(), Code::TooLarge);
            assert_eq!(problem.detail(), "The body is larger than 1 MiB.");
        }
    }
}
