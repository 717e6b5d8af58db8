//! Asking every service that keeps dead letters, all at once.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, FromRequestParts};
use bytes::Bytes;
use futures::future::join_all;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::request::Parts;
use http::{Method, Request, StatusCode};
use http_body_util::Limited;
use kit::problem::Problem;
use serde::de::DeserializeOwned;

use crate::client::Client;
use crate::headers::{self, REQUEST_ID};
use crate::state::Gateway;
use crate::upstream::UpstreamError;

/// How long a service is waited for. Shorter than a request may take: the others' answers are worth having.
const PATIENCE: Duration = Duration::from_secs(5);
/// Largest answer of a service: a hundred letters with the longest causes are a quarter of it.
const MAX_ANSWER: usize = 4 * 1024 * 1024;

/// A service that keeps dead letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    /// Its name.
    pub(crate) service: &'static str,
    /// Where it lists them, such as `/notifications/dead-letters`.
    pub(crate) path: String,
}

/// Every service that keeps dead letters.
pub(crate) fn parts() -> Vec<Part> {
    let keeping = |service: &topology::Service| Some((service.name, service.dead_letters()?));
    let all = topology::SERVICES.iter().filter_map(keeping);
    all.map(|(service, path)| Part { service, path }).collect()
}

/// What the services answered, and which of them did not.
#[derive(Debug)]
pub(super) struct Answers<T> {
    pub(super) answered: Vec<(Part, T)>,
    pub(super) failed: Vec<(Part, PartError)>,
}

/// Why a service's part is missing.
#[derive(Debug, thiserror::Error)]
pub(super) enum PartError {
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    #[error("the service answered {0}")]
    Status(StatusCode),
    #[error("the service's answer cannot be read")]
    Unreadable,
}

/// The request, as far as the services see it.
#[derive(Debug)]
pub(super) struct Asking {
    headers: HeaderMap,
    /// With its `?`, or empty.
    query: String,
}

impl FromRequestParts<Arc<Gateway>> for Asking {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, gateway: &Arc<Gateway>) -> Result<Self, Problem> {
        let ConnectInfo(peer) = ConnectInfo::<SocketAddr>::from_request_parts(parts, gateway)
            .await
            .map_err(|_| Problem::internal())?;
        let client = Client::new(peer.ip(), &parts.headers, gateway.trusted_proxies.as_deref());
        let passed = [AUTHORIZATION, REQUEST_ID].into_iter();
        let mut headers: HeaderMap =
            passed.filter_map(|name| Some((name.clone(), parts.headers.get(name)?.clone()))).collect();
        headers::prepare_request(&mut headers, &client);
        let query = parts.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        Ok(Self { headers, query })
    }
}

impl Gateway {
    /// Asks every service at `below` its dead letters.
    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        asking: &Asking,
        method: Method,
        below: &str,
        body: Option<Bytes>,
    ) -> Answers<T> {
        let questions = self.dead_letters.iter().map(async |part| {
            let question = question(asking, method.clone(), &format!("{}{below}", part.path), body.clone());
            let answer = tokio::time::timeout(PATIENCE, self.answer(part.service, question));
            (part.clone(), answer.await.unwrap_or(Err(UpstreamError::TimedOut(PATIENCE).into())))
        });
        let mut answers = Answers { answered: Vec::new(), failed: Vec::new() };
        for (part, answer) in join_all(questions).await {
            match answer {
                Ok(answer) => answers.answered.push((part, answer)),
                Err(error) => {
                    tracing::warn!(upstream.service = part.service, %error, "dead letters could not be asked for");
                    answers.failed.push((part, error));
                }
            }
        }
        answers
    }

    async fn answer<T: DeserializeOwned>(
        &self,
        service: &'static str,
        question: Request<Limited<Body>>,
    ) -> Result<T, PartError> {
        let response = self.upstream.send(service, question).await?;
        if !response.status().is_success() {
            return Err(PartError::Status(response.status()));
        }
        let body = to_bytes(response.into_body(), MAX_ANSWER).await.map_err(|_| PartError::Unreadable)?;
        serde_json::from_slice(&body).map_err(|_| PartError::Unreadable)
    }
}

fn question(asking: &Asking, method: Method, path: &str, body: Option<Bytes>) -> Request<Limited<Body>> {
    let length = body.as_ref().map_or(0, Bytes::len);
    let mut request = Request::new(Limited::new(body.map_or_else(Body::empty, Body::from), length));
    *request.method_mut() = method;
    *request.uri_mut() = format!("{path}{}", asking.query).parse().unwrap_or_default();
    request.headers_mut().clone_from(&asking.headers);
    if length > 0 {
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    request
}
