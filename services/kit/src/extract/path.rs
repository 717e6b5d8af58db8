//! Path parameters.

use axum::extract::path::ErrorKind;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;
use serde::de::DeserializeOwned;

use super::wording::field_error;
use crate::problem::Problem;

/// Path parameters; one that cannot be read is 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Path::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            Err(rejection) => {
                let names = RawPathParams::from_request_parts(parts, state).await.ok();
                let mut names = names.iter().flatten().map(|(name, _)| name);
                // axum names the parameter where there are several.
                let only = names.next().filter(|_| names.next().is_none());
                Err(refused(rejection, only))
            }
        }
    }
}

fn refused(rejection: PathRejection, only: Option<&str>) -> Problem {
    let PathRejection::FailedToDeserializePathParams(failed) = rejection else {
        tracing::error!("a route reads path parameters that it does not have");
        return Problem::internal();
    };
    let (field, message) = match failed.into_kind() {
        ErrorKind::ParseErrorAtKey { key, expected_type, .. } => (key, format!(", expected {expected_type}")),
        ErrorKind::DeserializeError { key, message, .. } => (key, message),
        ErrorKind::ParseError { expected_type, .. } => (String::new(), format!(", expected {expected_type}")),
        ErrorKind::Message(message) => (String::new(), message),
        _ => return Problem::bad_request("The path has an invalid parameter."),
    };
    let field = if field.is_empty() { only.unwrap_or_default() } else { &field };
    Problem::validation(vec![field_error(field, &message)])
}
