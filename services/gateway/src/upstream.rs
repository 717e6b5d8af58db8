//! The connections to the services.

use std::collections::HashMap;
use std::error::Error as _;
use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use http::uri::{Scheme, Uri};
use http::{Request, Response};
use http_body_util::{LengthLimitError, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tower_http::timeout::TimeoutBody;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const IDLE_CONNECTIONS: usize = 128;
/// Longest silence within an answer that has begun.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(30);

/// A request's body, which fails once it is larger than allowed.
pub(crate) type RequestBody = Limited<Body>;

/// A pool of connections to every service.
#[derive(Debug, Clone)]
pub(crate) struct Upstream {
    client: Client<HttpConnector, RequestBody>,
    addresses: HashMap<&'static str, http::uri::Authority>,
    timeout: Duration,
}

/// A service's address that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("services.{service}: `{address}` is not an http:// address such as http://{service}:3000")]
pub(crate) struct AddressError {
    service: &'static str,
    address: String,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpstreamError {
    /// No connection could be made.
    #[error("the service cannot be reached")]
    Unreachable(#[source] hyper_util::client::legacy::Error),
    /// The connection ended, or what came over it is not HTTP.
    #[error("the service broke off")]
    Broken(#[source] hyper_util::client::legacy::Error),
    /// Nothing came in time.
    #[error("the service did not answer within {0:?}")]
    TimedOut(Duration),
    /// The client sent more than the limit while the request was on its way.
    #[error("the request body is too large")]
    BodyTooLarge,
}

impl Upstream {
    /// Connects on demand to `address_of(service)` for each of `services`.
    pub(crate) fn new(
        services: &[&'static str],
        address_of: impl Fn(&'static str) -> String,
        timeout: Duration,
    ) -> Result<Self, AddressError> {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(kit::client::KEPT_AT_REST)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .pool_timer(TokioTimer::new())
            .build(connector);
        let addresses = services
            .iter()
            .map(|service| {
                let address = address_of(service);
                let authority = parse_address(&address);
                authority.map(|authority| (*service, authority)).ok_or(AddressError { service, address })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { client, addresses, timeout })
    }

    /// Sends a request to a service, to its own address, and returns its answer, whose body is still to come.
    ///
    /// A request that changes nothing and has no body is sent once more when its connection breaks: the service may
    /// have closed an idle connection, or ended, at just that moment.
    pub(crate) async fn send(
        &self,
        service: &'static str,
        mut request: Request<RequestBody>,
    ) -> Result<Response<Body>, UpstreamError> {
        *request.uri_mut() = self.uri(service, request.uri());
        *request.version_mut() = http::Version::HTTP_11;
        let again = repeatable(&request);
        let attempts = async {
            match (self.attempt(request).await, again) {
                (Err(UpstreamError::Broken(_) | UpstreamError::Unreachable(_)), Some(again)) => {
                    self.attempt(again).await
                }
                (answer, _) => answer,
            }
        };
        let answer = tokio::time::timeout(self.timeout, attempts).await;
        answer.unwrap_or(Err(UpstreamError::TimedOut(self.timeout)))
    }

    async fn attempt(&self, request: Request<RequestBody>) -> Result<Response<Body>, UpstreamError> {
        let response = self.client.request(request).await.map_err(classify)?;
        Ok(response.map(|body| Body::new(TimeoutBody::new(SILENCE_TIMEOUT, body))))
    }

    /// The same path and query at the service's address.
    fn uri(&self, service: &'static str, asked: &Uri) -> Uri {
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(Scheme::HTTP);
        parts.authority = self.addresses.get(service).cloned();
        parts.path_and_query = asked.path_and_query().cloned();
        Uri::from_parts(parts).unwrap_or_default()
    }
}

/// The same request, when sending it twice does no harm.
fn repeatable(request: &Request<RequestBody>) -> Option<Request<RequestBody>> {
    if !request.method().is_safe() || !request.body().is_end_stream() {
        return None;
    }
    let mut again = Request::new(Limited::new(Body::empty(), 0));
    again.method_mut().clone_from(request.method());
    again.uri_mut().clone_from(request.uri());
    again.headers_mut().clone_from(request.headers());
    Some(again)
}

fn parse_address(address: &str) -> Option<http::uri::Authority> {
    let uri: Uri = address.parse().ok()?;
    let plain = uri.scheme() == Some(&Scheme::HTTP) && uri.path() == "/" && uri.query().is_none();
    plain.then(|| uri.authority().cloned()).flatten()
}

fn classify(error: hyper_util::client::legacy::Error) -> UpstreamError {
    if error.is_connect() {
        return UpstreamError::Unreachable(error);
    }
    let mut cause = error.source();
    while let Some(current) = cause {
        if current.is::<LengthLimitError>() {
            return UpstreamError::BodyTooLarge;
        }
        cause = current.source();
    }
    UpstreamError::Broken(error)
}
