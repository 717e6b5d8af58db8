//! One request's way through the gateway: route, count, forward.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, State};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use http::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use http::uri::PathAndQuery;
use http::{Request, Uri};
use http_body_util::Limited;
use kit::auth::Subject;
use kit::http::RouteLabel;
use kit::problem::{Code, Problem};

use crate::client::Client;
use crate::headers;
use crate::limits::{Allowance, Caller, Counted};
use crate::routes::{self, RouteError, Target};
use crate::state::Gateway;
use crate::upstream::UpstreamError;

/// Headers that tell a client how much it may still send (IETF draft-ietf-httpapi-ratelimit-headers).
pub(crate) const RATE_LIMIT_HEADERS: [HeaderName; 3] = [
    HeaderName::from_static("ratelimit-limit"),
    HeaderName::from_static("ratelimit-remaining"),
    HeaderName::from_static("ratelimit-reset"),
];

/// Seconds after which a client may ask again when a service is away.
const RETRY_SECONDS: u64 = 1;

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

/// One pattern for everything: the table alone decides where a path leads.
pub(crate) fn router() -> Router<Arc<Gateway>> {
    Router::new().route("/", any(forward)).route("/{*path}", any(forward))
}

/// Handles everything that the gateway does not answer itself.
async fn forward(
    State(gateway): State<Arc<Gateway>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request<Body>,
) -> Response {
    let client = Client::new(peer.ip(), request.headers(), gateway.trusted_proxies.as_deref());
    // Cheap to copy: the path is shared with the request.
    let uri = request.uri().clone();
    let target = routes::resolve(uri.path());
    let allowance = gateway.count(&target, &client, request.headers());
    let answer = match (&target, allowance) {
        (_, Some(allowance)) if allowance.retry_after.is_some() => Err(ForwardError::TooMany(allowance)),
        (Err(error), _) => Err((*error).into()),
        (Ok(target), _) => gateway.send(target, &client, request).await,
    };
    let mut response = answer.unwrap_or_else(|error| {
        log(&target, &error);
        error.problem(gateway.max_body_bytes).into_response()
    });
    if let Some(allowance) = allowance {
        describe(response.headers_mut(), allowance);
    }
    if let Ok(target) = target {
        response.extensions_mut().insert(RouteLabel(target.route));
    }
    response
}

impl Gateway {
    fn count(
        &self,
        target: &Result<Target<'_>, RouteError>,
        client: &Client,
        headers: &HeaderMap,
    ) -> Option<Allowance> {
        let address =
            if client.shared { Caller::Shared(client.address) } else { Caller::Address(client.address) };
        let Ok(target) = target else {
            return self.limiter.check(Counted::Unknown, address);
        };
        let counted = Counted::of(target.budget)?;
        let caller = self.caller(target, headers).unwrap_or(address);
        let caller = match (counted, caller) {
            // Signing in costs the service most, whoever asks: people count by their address there, if it is one.
            (Counted::Auth, Caller::User(_)) if !client.shared => address,
            (_, caller) => caller,
        };
        self.limiter.check(counted, caller)
    }

    /// Whose token it is; `None` without one that verifies.
    fn caller(&self, target: &Target<'_>, headers: &HeaderMap) -> Option<Caller> {
        let token = kit::auth::bearer(headers)?;
        let identity = self.verifier.verify_for(token, target.service).ok()?;
        Some(match identity.subject {
            Subject::User(id) => Caller::User(id),
            Subject::Service(_) => Caller::Service,
        })
    }

    async fn send(
        &self,
        target: &Target<'_>,
        client: &Client,
        request: Request<Body>,
    ) -> Result<Response, ForwardError> {
        if announced_length(request.headers()) > Some(self.max_body_bytes) {
            return Err(ForwardError::BodyTooLarge);
        }
        let mut request = request.map(|body| Limited::new(body, self.max_body_bytes));
        readdress(request.uri_mut(), &target.path);
        headers::prepare_request(request.headers_mut(), client);
        request.extensions_mut().clear();
        let mut response = self.upstream.send(target.service, request).await?;
        headers::prepare_response(response.headers_mut());
        Ok(response)
    }
}

/// Puts the service's own path in the place of the one that was asked for; the query stays.
fn readdress(uri: &mut Uri, path: &str) {
    if uri.path() == path {
        return;
    }
    let whole = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    // Made of a valid path and query, it is one.
    if let Ok(whole) = PathAndQuery::try_from(whole) {
        *uri = whole.into();
    }
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

fn log(target: &Result<Target<'_>, RouteError>, error: &ForwardError) {
    if let (Ok(target), ForwardError::Upstream(cause)) = (target, error) {
        let source = std::error::Error::source(cause).map(ToString::to_string);
        tracing::warn!(upstream.service = target.service, error = %cause, cause = source, "not forwarded");
    }
}

impl ForwardError {
    fn problem(&self, max_body_bytes: usize) -> Problem {
        match self {
            Self::Route(RouteError::Unknown) => Problem::not_found("There is nothing at this path."),
            Self::Route(RouteError::Ambiguous) => {
                Problem::bad_request("The path has an empty, relative or encoded part.")
            }
            Self::TooMany(allowance) => Problem::too_many(allowance.retry_after.unwrap_or(1)),
            Self::BodyTooLarge | Self::Upstream(UpstreamError::BodyTooLarge) => {
                Problem::too_large(max_body_bytes)
            }
            Self::Upstream(UpstreamError::Unreachable(_)) => Problem::unavailable(RETRY_SECONDS),
            Self::Upstream(UpstreamError::Broken(_)) => Problem::of(Code::BadGateway)
                .with_detail("The service broke off its answer. Please try again.")
                .retry_after_seconds(RETRY_SECONDS),
            Self::Upstream(UpstreamError::TimedOut(_)) => {
                Problem::of(Code::GatewayTimeout).with_detail("The service did not answer in time.")
            }
        }
    }
}

#[cfg(test)]
mod tests;
