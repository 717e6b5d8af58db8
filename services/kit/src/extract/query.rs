//! Query strings.

use std::error::Error;

use axum::extract::FromRequestParts;
use axum::extract::rejection::QueryRejection;
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::problem::{FieldError, Problem};

/// The query string; one that cannot be read is 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        axum::extract::Query::<T>::try_from_uri(&parts.uri)
            .map(|axum::extract::Query(value)| Self(value))
            .map_err(|rejection| refused(&rejection))
    }
}

fn refused(rejection: &QueryRejection) -> Problem {
    // The cause reads `page: invalid digit found in string`, or has no field before the colon.
    let cause = rejection.source().map(ToString::to_string).unwrap_or_default();
    let named = |field: &str| {
        !field.is_empty() && field.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    match cause.split_once(": ").filter(|(field, _)| named(field)) {
        Some((field, message)) => Problem::validation(vec![FieldError::new(field, "invalid", message)]),
        None => Problem::bad_request(format!("The query string is invalid: {cause}")),
    }
}
