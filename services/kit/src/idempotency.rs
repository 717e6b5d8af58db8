//! `Idempotency-Key`: a request that creates something takes effect once, however often it is sent.
//!
//! [`begin`] opens the transaction of the effect, [`Work::commit`] keeps the answer in it, so a key is used exactly when its
//! effect is. While one request holds a key, others with the same key get 409; afterwards they get the
//! first one's answer, byte for byte.

mod request;

use axum::body::Body;
use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::response::{IntoResponse, Response};
use chrono::TimeDelta;
use http::header::{CONTENT_TYPE, LOCATION};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::clock::{Clock, SharedClock};
use crate::database::{Database, Transaction};
use crate::problem::{Code, Problem};
use crate::store::idempotency as store;

pub use request::{Begun, Idempotent, KeyHeader};

/// Name of the header.
pub const HEADER: &str = "Idempotency-Key";
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
        let Some(value) = headers.get(HEADER) else {
            return Ok(None);
        };
        match value.to_str() {
            Ok(text) if (1..=MAX_KEY).contains(&text.len()) => Ok(Some(Self(text.to_owned()))),
            _ => Err(Problem::field(HEADER, "invalid", "must be 1 to 255 visible ASCII characters")),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::of(&parts.headers)?.ok_or_else(|| Problem::field(HEADER, "required", "is required"))
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
        Ok(Self::of_text(owner.to_string(), key, operation, &body))
    }

    /// [`Self::new`] for a body as it was sent.
    fn of_text(owner: String, key: &IdempotencyKey, operation: &str, body: &[u8]) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(operation.as_bytes());
        hasher.update([0]);
        hasher.update(body);
        Self { owner, key: key.0.clone(), hash: hasher.finalize().into() }
    }
}

/// An answer that can be kept and given again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    status: StatusCode,
    location: Option<String>,
    body: Vec<u8>,
}

impl Answer {
    /// A JSON answer.
    pub fn json(status: StatusCode, body: &impl Serialize) -> Result<Self, Problem> {
        let body = serde_json::to_vec(body).map_err(|error| {
            tracing::error!(%error, "answer cannot be written");
            Problem::internal()
        })?;
        Ok(Self { status, location: None, body })
    }

    /// 201 with the path of what was created.
    pub fn created(location: String, body: &impl Serialize) -> Result<Self, Problem> {
        Ok(Self { location: Some(location), ..Self::json(StatusCode::CREATED, body)? })
    }

    fn kept(self, request: &Request, at: chrono::DateTime<chrono::Utc>) -> store::Row {
        store::Row {
            request_hash: request.hash.to_vec(),
            status: i16::try_from(self.status.as_u16()).unwrap_or(i16::MAX),
            headers: self.location.map(|path| format!("{LOCATION}: {path}")).unwrap_or_default(),
            body: self.body,
            created_at: at,
        }
    }

    fn of(row: store::Row) -> Self {
        let status = u16::try_from(row.status).ok().and_then(|status| StatusCode::from_u16(status).ok());
        let location = row.headers.strip_prefix("location: ").map(str::to_owned);
        Self { status: status.unwrap_or(StatusCode::OK), location, body: row.body }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        let mut put = |name: HeaderName, value: HeaderValue| response.headers_mut().insert(name, value);
        put(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(location) = self.location.and_then(|path| HeaderValue::try_from(path).ok()) {
            put(LOCATION, location);
        }
        response
    }
}

/// What to do with a request.
#[expect(clippy::large_enum_variant, reason = "it is taken apart where it is made")]
pub enum Begin {
    /// Do it, then [`Work::commit`].
    Fresh(Work),
    /// It was done; answer the same again.
    Repeated(Answer),
}

/// A request's transaction, and where its answer will be kept.
pub struct Work {
    transaction: Transaction,
    request: Option<Request>,
    clock: SharedClock,
}

/// Begins a request: its transaction, and with a `request` the lock of its key. 409 while another one with
/// the same key is in flight, 422 when the key was used for another request.
pub async fn begin(
    database: &Database,
    clock: &SharedClock,
    request: Option<Request>,
) -> Result<Begin, Problem> {
    let mut transaction = database.begin().await?;
    if let Some(request) = &request
        && let Some(answer) = repeated(&mut transaction, &**clock, request).await?
    {
        // Lets the key go before anybody hears of the answer.
        transaction.commit().await?;
        return Ok(Begin::Repeated(answer));
    }
    Ok(Begin::Fresh(Work { transaction, request, clock: clock.clone() }))
}

impl Work {
    /// The transaction that the effect belongs to.
    pub fn transaction(&mut self) -> &mut Transaction {
        &mut self.transaction
    }

    /// Keeps the answer and commits it with the effect.
    pub async fn commit(self, answer: Answer) -> Result<Answer, Problem> {
        self.commit_unless(answer, |_| None).await
    }

    /// The same, unless the effect breaks a constraint of which `broken` knows what it means.
    pub async fn commit_unless(
        mut self,
        answer: Answer,
        broken: impl FnOnce(&str) -> Option<Problem>,
    ) -> Result<Answer, Problem> {
        if let Some(request) = self.request {
            let kept = answer.clone().kept(&request, self.clock.now());
            store::keep(&mut self.transaction, (request.owner, request.key), kept);
        }
        match self.transaction.commit().await {
            // Answered between the look and the lock: whoever repeats the request gets that answer.
            Err(error) if error.constraint() == Some(store::UNIQUE) => Err(in_flight()),
            Ok(()) => Ok(answer),
            Err(error) => Err(error.constraint().and_then(broken).unwrap_or_else(|| error.into())),
        }
    }
}

/// The answer of a request that was made before; locks the key when there is none.
async fn repeated(
    transaction: &mut Transaction,
    clock: &dyn Clock,
    request: &Request,
) -> Result<Option<Answer>, Problem> {
    let (locked, used) = store::lock(&mut *transaction, &request.owner, &request.key).await?;
    let cutoff = clock.now() - KEPT;
    match used {
        Some(row) if row.created_at > cutoff && row.request_hash != request.hash => {
            let detail = "This Idempotency-Key was used for another request.";
            Err(Problem::of(Code::IdempotencyKeyReused).with_detail(detail))
        }
        Some(row) if row.created_at > cutoff => Ok(Some(Answer::of(row))),
        _ if !locked => Err(in_flight()),
        Some(_) => {
            store::free(transaction, &request.owner, &request.key, cutoff).await?;
            Ok(None)
        }
        None => Ok(None),
    }
}

fn in_flight() -> Problem {
    Problem::of(Code::IdempotencyInFlight).with_detail("A request with this Idempotency-Key is in flight.")
}
