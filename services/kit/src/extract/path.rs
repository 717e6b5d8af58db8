//! Path parameters.

use axum::extract::FromRequestParts;
use axum::extract::path::ErrorKind;
use axum::extract::rejection::PathRejection;
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::problem::{FieldError, Problem};

/// Path parameters; one that cannot be read is 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let result = axum::extract::Path::<T>::from_request_parts(parts, state).await;
        result.map(|axum::extract::Path(value)| Self(value)).map_err(refused)
    }
}

fn refused(rejection: PathRejection) -> Problem {
    let PathRejection::FailedToDeserializePathParams(failed) = rejection else {
        tracing::error!("a route reads path parameters that it does not have");
        return Problem::internal();
    };
    match failed.into_kind() {
        ErrorKind::ParseErrorAtKey { key, expected_type, .. } => {
            Problem::validation(vec![FieldError::new(key, "invalid", format!("must be a {expected_type}"))])
        }
        ErrorKind::DeserializeError { key, message, .. } => {
            Problem::validation(vec![FieldError::new(key, "invalid", message)])
        }
        _ => Problem::bad_request("The path has an invalid parameter."),
    }
}
