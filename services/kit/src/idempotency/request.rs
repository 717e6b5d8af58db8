//! Requests that create something, as a handler's argument.

use std::marker::PhantomData;

use axum::body::Bytes;
use axum::extract::{self, FromRequest, FromRequestParts as _};
use serde::de::DeserializeOwned;
use utoipa::IntoParams;

use super::{Answer, Begin, IdempotencyKey, Request, Work};
use crate::access::Caller;
use crate::auth::Subject;
use crate::clock::SharedClock;
use crate::database::Database;
use crate::extract::{decode, read};
use crate::problem::Problem;

/// A request that creates something, with its key if it has one. The body is decoded by [`Self::begin`]: whether a key
/// was used before comes before what is wrong with the body.
#[derive(Debug)]
pub struct Idempotent<T> {
    request: Option<Request>,
    body: Bytes,
    kind: PhantomData<fn() -> T>,
}

/// The header, for the description of a route that takes an [`Idempotent`].
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only described")]
pub struct KeyHeader {
    /// Makes the request take effect once: the same key and body get the same answer again for 24 hours, byte for
    /// byte. A key belongs to the caller and the route.
    #[param(rename = "Idempotency-Key", value_type = Option<String>, min_length = 1, max_length = 255,
        example = "7b0a5a1e-2f4c-4a55-9c3e-0d5d1b6f8c11")]
    idempotency_key: Option<String>,
}

/// What to do with a request.
#[expect(clippy::large_enum_variant, reason = "it is taken apart where it is made")]
pub enum Begun<T> {
    /// Do it, then [`Work::commit`].
    Fresh(Work, T),
    /// It was done; answer the same again.
    Repeated(Answer),
}

impl<T: DeserializeOwned> Idempotent<T> {
    /// Opens the transaction of the effect. 409 while another request with the same key is in flight, 422 when the key
    /// was used for another request, then 400 for a body that is no `T`.
    pub async fn begin(self, database: &Database, clock: &SharedClock) -> Result<Begun<T>, Problem> {
        match super::begin(database, clock, self.request).await? {
            Begin::Repeated(answer) => Ok(Begun::Repeated(answer)),
            Begin::Fresh(work) => Ok(Begun::Fresh(work, decode(&self.body)?)),
        }
    }
}

impl<T, S: Send + Sync> FromRequest<S> for Idempotent<T> {
    type Rejection = Problem;

    async fn from_request(request: extract::Request, state: &S) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let caller = Caller::from_request_parts(&mut parts, state).await?;
        let key = IdempotencyKey::of(&parts.headers)?;
        let body = read(extract::Request::from_parts(parts, body)).await?;
        let request = key.map(|key| Request::of_text(owner(&caller), &key, caller.route(), &body));
        Ok(Self { request, body, kind: PhantomData })
    }
}

/// Keys of one caller on one route are told from those of any other.
fn owner(caller: &Caller) -> String {
    match &caller.identity().subject {
        Subject::User(id) => format!("{id} {}", caller.route()),
        Subject::Service(name) => format!("{} {}", topology::service_subject(name), caller.route()),
    }
}
