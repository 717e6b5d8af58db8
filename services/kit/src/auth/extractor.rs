//! `Identity` as an argument of a handler.

use axum::extract::{FromRef, FromRequestParts, OptionalFromRequestParts};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use http::request::Parts;

use super::identity::Identity;
use super::verifier::{TokenError, Verifier};
use crate::problem::Problem;

/// Seconds after which a client may try again when no keys are loaded yet.
const KEYS_RETRY_AFTER_SECONDS: u64 = 2;

/// The token of an `Authorization: Bearer` header (RFC 6750 section 2.1), if there is one.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::NoKeys => Self::unavailable(KEYS_RETRY_AFTER_SECONDS),
            error => {
                tracing::debug!(reason = %error, "token refused");
                Self::unauthorized("The access token is missing, invalid or has expired.")
            }
        }
    }
}

impl<S> FromRequestParts<S> for Identity
where
    Verifier: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let token = bearer(&parts.headers).ok_or(TokenError::Malformed)?;
        Ok(Verifier::from_ref(state).verify(token)?)
    }
}

impl<S> OptionalFromRequestParts<S> for Identity
where
    Verifier: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, Problem> {
        if !parts.headers.contains_key(AUTHORIZATION) {
            return Ok(None);
        }
        let token = bearer(&parts.headers).ok_or(TokenError::Malformed)?;
        Ok(Some(Verifier::from_ref(state).verify(token)?))
    }
}
