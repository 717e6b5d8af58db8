//! Request bodies.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use garde::Validate;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::problem::{FieldError, Problem};

/// A JSON request body, or a JSON answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Json<T>(pub T);

/// A JSON request body that passed its validation rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ValidJson<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(&request) {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "Send the body as application/json.",
            ));
        }
        let body = Bytes::from_request(request, state).await.map_err(|rejection| unreadable(&rejection))?;
        decode(&body).map(Self)
    }
}

impl<T, S> FromRequest<S> for ValidJson<T>
where
    T: DeserializeOwned + Validate<Context = ()>,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let Json(value) = Json::<T>::from_request(request, state).await?;
        value.validate().map_err(|report| Problem::validation(refused(&report)))?;
        Ok(Self(value))
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

fn is_json(request: &Request) -> bool {
    let Some(value) = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

fn unreadable(rejection: &BytesRejection) -> Problem {
    match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "The body is larger than 1 MiB.")
        }
        _ => Problem::bad_request("The body could not be read."),
    }
}

fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value: T = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner();
        if inner.is_data() {
            Problem::validation(vec![field_error(&path, &inner.to_string())])
        } else {
            Problem::bad_request("The body is not valid JSON.")
        }
    })?;
    deserializer.end().map_err(|_| Problem::bad_request("The body is not valid JSON."))?;
    Ok(value)
}

/// The refused field of a serde message. A missing or unknown field stands in the message, below the path.
fn field_error(path: &str, message: &str) -> FieldError {
    // serde_json appends where in the text it stopped; fields are named by path instead.
    let message = message.rsplit_once(" at line ").map_or(message, |(message, _)| message);
    let quoted = || message.split('`').nth(1).unwrap_or_default();
    if message.starts_with("missing field") {
        FieldError::new(below(path, quoted()), "required", "is required")
    } else if message.starts_with("unknown field") {
        // The path already ends with the unknown key.
        let field = if path.ends_with(quoted()) { path.to_owned() } else { below(path, quoted()) };
        FieldError::new(field, "unknown_field", "is not a field of this request")
    } else {
        FieldError::new(path, "invalid", message)
    }
}

fn below(path: &str, field: &str) -> String {
    if matches!(path, "" | "." | "?") { field.to_owned() } else { format!("{path}.{field}") }
}

fn refused(report: &garde::Report) -> Vec<FieldError> {
    report.iter().map(|(path, error)| FieldError::new(path.to_string(), "invalid", error.message())).collect()
}

#[cfg(test)]
mod tests {
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
    }

    fn refusal(json: &str) -> (String, String) {
        let problem = decode::<Order>(json.as_bytes()).unwrap_err();
        assert_eq!(problem.status(), StatusCode::BAD_REQUEST);
        problem.errors().first().map(|e| (e.field.clone(), e.code.clone())).unwrap_or_default()
    }

    #[test]
    fn the_refused_field_is_named() {
        let case = |field: &str, code: &str| (field.to_owned(), code.to_owned());
        assert_eq!(refusal(r#"{"items":[{"quantity":"two"}]}"#), case("items[0].quantity", "invalid"));
        assert_eq!(refusal(r#"{"items":[{}]}"#), case("items[0].quantity", "required"));
        assert_eq!(refusal("{}"), case("items", "required"));
        assert_eq!(refusal(r#"{"items":[],"role":"admin"}"#), case("role", "unknown_field"));
    }

    #[test]
    fn text_that_is_no_json_is_refused() {
        for text in ["", "{", "{\"items\":[]} x"] {
            assert!(decode::<Order>(text.as_bytes()).unwrap_err().errors().is_empty(), "{text}");
        }
    }
}
