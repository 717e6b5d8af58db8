//! One request's way through the gateway: route, count, forward.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{ConnectInfo, State};
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use http::{Request, StatusCode};
use http_body_util::Limited;
use ipnet::IpNet;
use kit::auth::{Subject, Verifier};
use kit::problem::Problem;

use crate::client::Client;
use crate::headers;
use crate::limits::{Allowance, Caller, Limiter};
use crate::routes::{self, Budget, RouteError, Target};
use crate::upstream::{Upstream, UpstreamError};

/// Headers that tell a client how much it may still send (IETF draft-ietf-httpapi-ratelimit-headers).
pub(crate) const RATE_LIMIT_HEADERS: [HeaderName; 3] = [
    HeaderName::from_static("ratelimit-limit"),
    HeaderName::from_static("ratelimit-remaining"),
    HeaderName::from_static("ratelimit-reset"),
];

/// Seconds after which a client may ask again when a service is away.
const RETRY_SECONDS: u64 = 1;

/// What forwarding needs.
pub(crate) struct Gateway {
    pub(crate) upstream: Upstream,
    pub(crate) limiter: Limiter,
    pub(crate) verifier: Verifier,
    pub(crate) trusted_proxies: Vec<IpNet>,
    pub(crate) max_body_bytes: usize,
}

/// Why a request was not forwarded, or came back without an answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ForwardError {
    /// The path leads nowhere.
    #[error("the path leads nowhere")]
    Route(#[from] RouteError),
    /// The caller has used up its budget.
    #[error("the caller has used up its budget")]
    TooMany(Allowance),
    /// The client announced a body over the limit.
    #[error("the request body is over the limit")]
    BodyTooLarge,
    /// The service did not answer.
    #[error("the service did not answer")]
    Upstream(#[from] UpstreamError),
}

/// The fallback handler: everything that the gateway does not answer itself.
pub(crate) async fn forward(
    State(gateway): State<Arc<Gateway>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request<Body>,
) -> Response {
    let target = match routes::resolve(request.uri().path()) {
        Ok(target) => target,
        Err(error) => return ForwardError::from(error).into_response(),
    };
    let client = Client::new(peer.ip(), request.headers(), &gateway.trusted_proxies);
    let allowance = gateway.count(&target, client.address, request.headers());
    let answer = match allowance {
        Some(allowance) if allowance.retry_after.is_some() => Err(ForwardError::TooMany(allowance)),
        _ => gateway.send(&target, &client, request).await,
    };
    let mut response = answer.unwrap_or_else(|error| {
        log(&target, &error);
        error.into_response()
    });
    if let Some(allowance) = allowance {
        describe(response.headers_mut(), allowance);
    }
    response
}

impl Gateway {
    fn count(&self, target: &Target, address: IpAddr, headers: &HeaderMap) -> Option<Allowance> {
        if target.budget == Budget::Unlimited {
            return None;
        }
        let caller = self.caller(target, headers).unwrap_or(Caller::Address(address));
        // Signing in costs the service most, whoever asks: people count by address there.
        let caller = match (target.budget, caller) {
            (Budget::Auth, Caller::User(_)) => Caller::Address(address),
            (_, caller) => caller,
        };
        self.limiter.check(target.budget, caller)
    }

    /// Whose token it is; `None` without one that verifies.
    fn caller(&self, target: &Target, headers: &HeaderMap) -> Option<Caller> {
        let token = kit::auth::bearer(headers)?;
        let identity = self.verifier.verify_for(token, target.service).ok()?;
        Some(match identity.subject {
            Subject::User(id) => Caller::User(id),
            Subject::Service(_) => Caller::Service,
        })
    }

    async fn send(
        &self,
        target: &Target,
        client: &Client,
        request: Request<Body>,
    ) -> Result<Response, ForwardError> {
        if announced_length(request.headers()) > Some(self.max_body_bytes) {
            return Err(ForwardError::BodyTooLarge);
        }
        let mut request = request.map(|body| Body::new(Limited::new(body, self.max_body_bytes)));
        headers::prepare_request(request.headers_mut(), client, request_id());
        request.extensions_mut().clear();
        let mut response = self.upstream.send(target, request).await?;
        headers::prepare_response(response.headers_mut());
        Ok(response)
    }
}

fn request_id() -> Option<HeaderValue> {
    kit::http::request_id().and_then(|id| HeaderValue::try_from(id).ok())
}

fn announced_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn describe(headers: &mut HeaderMap, allowance: Allowance) {
    let values = [u64::from(allowance.limit), u64::from(allowance.remaining), allowance.reset];
    for (name, value) in RATE_LIMIT_HEADERS.into_iter().zip(values) {
        headers.insert(name, HeaderValue::from(value));
    }
}

fn log(target: &Target, error: &ForwardError) {
    if let ForwardError::Upstream(cause) = error {
        let source = std::error::Error::source(cause).map(ToString::to_string);
        tracing::warn!(upstream.service = target.service, error = %cause, cause = source, "not forwarded");
    }
}

impl IntoResponse for ForwardError {
    fn into_response(self) -> Response {
        let too_large =
            || Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "The request body is too large.");
        match self {
            Self::Route(RouteError::Unknown) => {
                Problem::not_found("There is nothing at this path.").into_response()
            }
            Self::Route(RouteError::Ambiguous) => {
                Problem::bad_request("The path has an empty, relative or encoded part.").into_response()
            }
            Self::TooMany(allowance) => Problem::too_many(allowance.retry_after.unwrap_or(1)).into_response(),
            Self::BodyTooLarge | Self::Upstream(UpstreamError::BodyTooLarge) => too_large().into_response(),
            Self::Upstream(UpstreamError::Unreachable(_)) => {
                Problem::unavailable(RETRY_SECONDS).into_response()
            }
            Self::Upstream(UpstreamError::Broken(_)) => retry_later(Problem::new(
                StatusCode::BAD_GATEWAY,
                "bad_gateway",
                "The service broke off its answer. Please try again.",
            )),
            Self::Upstream(UpstreamError::TimedOut(_)) => Problem::new(
                StatusCode::GATEWAY_TIMEOUT,
                "gateway_timeout",
                "The service did not answer in time.",
            )
            .into_response(),
        }
    }
}

fn retry_later(problem: Problem) -> Response {
    let mut response = problem.into_response();
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(RETRY_SECONDS));
    response
}
