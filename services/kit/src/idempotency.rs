//! `Idempotency-Key`: a request that creates something takes effect once, however often it is sent.
//!
//! [`begin`] and [`finish`] run in the transaction of the effect, so a key is used exactly when its
//! effect is. While one request holds a key, others with the same key get 409.

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use chrono::{DateTime, TimeDelta, Utc};
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use sha2::{Digest, Sha256};
use sqlx::PgConnection;

use crate::clock::Clock;
use crate::problem::Problem;
use crate::store::idempotency as store;

/// How long a key and its answer are kept.
pub const KEPT: TimeDelta = TimeDelta::hours(24);
/// Longest key.
const MAX_KEY: usize = 255;

/// The header `Idempotency-Key`. Extract `Option<IdempotencyKey>` where it may be absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn of(headers: &HeaderMap) -> Result<Option<Self>, Problem> {
        let Some(value) = headers.get("idempotency-key") else {
            return Ok(None);
        };
        match value.to_str() {
            Ok(text) if (1..=MAX_KEY).contains(&text.len()) => Ok(Some(Self(text.to_owned()))),
            _ => {
                Err(Problem::field("Idempotency-Key", "invalid", "must be 1 to 255 visible ASCII characters"))
            }
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::of(&parts.headers)?.ok_or_else(|| Problem::field("Idempotency-Key", "required", "is required"))
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Problem> {
        Self::of(&parts.headers)
    }
}

/// What identifies a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    owner: String,
    key: String,
    hash: [u8; 32],
}

/// What to do with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begin {
    /// Do it, then [`finish`].
    Fresh,
    /// It was done; answer the same again.
    Replay {
        /// Status of the first answer.
        status: StatusCode,
        /// JSON text of the first answer.
        body: String,
    },
}

impl Request {
    /// `owner` is who may use the key again (a user id); `operation` tells requests to different routes
    /// apart, such as `POST /orders`; `body` is the decoded body.
    #[expect(clippy::needless_pass_by_value, reason = "owners are ids, which are Copy")]
    pub fn new(
        owner: impl ToString,
        key: &IdempotencyKey,
        operation: &str,
        body: &impl Serialize,
    ) -> Result<Self, Problem> {
        let body = serde_json::to_vec(body).map_err(|error| {
            tracing::error!(%error, "request cannot be hashed");
            Problem::internal()
        })?;
        let mut hasher = Sha256::new();
        hasher.update(operation.as_bytes());
        hasher.update([0]);
        hasher.update(&body);
        Ok(Self { owner: owner.to_string(), key: key.0.clone(), hash: hasher.finalize().into() })
    }
}

/// Starts a request with a key, first thing in its transaction. 409 while another one with the same key
/// is in flight, 422 when the key was used for another request.
pub async fn begin(
    transaction: &mut PgConnection,
    clock: &dyn Clock,
    request: &Request,
) -> Result<Begin, Problem> {
    let now = clock.now();
    // Before the lock: an answer that exists is given without holding anyone up.
    if let Some(row) = find(transaction, request, now).await? {
        return replay(request, row);
    }
    if !store::try_lock(transaction, &request.owner, &request.key).await? {
        return Err(in_flight());
    }
    let Request { owner, key, hash } = request;
    if store::take(transaction, owner, key, hash, now, now - KEPT).await? {
        return Ok(Begin::Fresh);
    }
    // Another request was answered between the look and the lock.
    let row = find(transaction, request, now).await?.ok_or_else(in_flight)?;
    replay(request, row)
}

async fn find(
    transaction: &mut PgConnection,
    request: &Request,
    now: DateTime<Utc>,
) -> Result<Option<store::Row>, Problem> {
    let row = store::find(transaction, &request.owner, &request.key).await?;
    Ok(row.filter(|row| row.created_at > now - KEPT))
}

/// Keeps the answer, last thing in the transaction.
pub async fn finish(
    transaction: &mut PgConnection,
    request: &Request,
    status: StatusCode,
    body: &impl Serialize,
) -> Result<(), Problem> {
    let body = serde_json::to_string(body).map_err(|error| {
        tracing::error!(%error, "answer cannot be kept");
        Problem::internal()
    })?;
    let code = i16::try_from(status.as_u16()).unwrap_or(i16::MAX);
    Ok(store::finish(transaction, &request.owner, &request.key, code, &body).await?)
}

fn replay(request: &Request, row: store::Row) -> Result<Begin, Problem> {
    if row.request_hash != request.hash {
        let detail = "This Idempotency-Key was used for another request.";
        return Err(Problem::unprocessable(detail).with_code("idempotency_key_reused"));
    }
    let status = row
        .status
        .and_then(|status| u16::try_from(status).ok())
        .and_then(|status| StatusCode::from_u16(status).ok());
    // Only a transaction that committed without `finish` leaves a row without an answer.
    let (status, body) = status.zip(row.body).ok_or_else(in_flight)?;
    Ok(Begin::Replay { status, body })
}

fn in_flight() -> Problem {
    Problem::conflict("idempotency_in_flight", "A request with this Idempotency-Key is in flight.")
}

impl axum::response::IntoResponse for Begin {
    /// The stored answer; for [`Begin::Fresh`], which has none, 500.
    fn into_response(self) -> axum::response::Response {
        match self {
            Self::Fresh => Problem::internal().into_response(),
            Self::Replay { status, body } => {
                (status, [(http::header::CONTENT_TYPE, "application/json")], body).into_response()
            }
        }
    }
}
