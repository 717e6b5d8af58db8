//! Request id, trace, access log and metrics of each request.

use std::convert::Infallible;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request};
use axum::response::Response;
use futures::FutureExt;
use futures::future::BoxFuture;
use http::Method;
use tower::{Layer, Service};
use tracing::field::Empty;
use tracing::{Instrument, Span};

use super::request_id::{CURRENT, NAME, RequestId};
use crate::metrics::{InFlight, Requests};
use crate::telemetry::{self, REQUEST_SPAN, TraceContext};

/// Probes and scrapes would drown everything else in the log.
const QUIET: [&str; 3] = ["/health", "/ready", "/metrics"];
/// What has no template shares this one, so that no path makes a series of its own.
const UNMATCHED: &str = "unmatched";

/// The route of an answer, where the handler knows it better than the router: an extension of the response. From a
/// table that does not grow with requests, or every path would make a series of its own.
#[derive(Debug, Clone, Copy)]
pub struct RouteLabel(pub &'static str);

/// Gives each request its id and its span, counts it, and writes its one line.
#[derive(Clone)]
pub(super) struct Observe(pub(super) Requests);

/// A service inside [`Observe`].
#[derive(Clone)]
pub(super) struct Observed<S> {
    inner: S,
    requests: Requests,
}

impl<S> Layer<S> for Observe {
    type Service = Observed<S>;

    fn layer(&self, inner: S) -> Observed<S> {
        Observed { inner, requests: self.0.clone() }
    }
}

impl<S> Service<Request> for Observed<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let id = RequestId::of(request.headers());
        request.headers_mut().insert(NAME, id.header());
        let mut served = Served::start(&request, &id, &self.requests);
        let span = served.span.clone();
        let answer = CURRENT.sync_scope(id.clone(), || span.in_scope(|| self.inner.call(request)));
        let header = id.header();
        let answer = async move {
            let mut response = answer.await?;
            served.answered(&mut response);
            response.headers_mut().insert(NAME, header);
            Ok(response)
        };
        CURRENT.scope(id, answer.instrument(span)).boxed()
    }
}

/// A request that is being served.
struct Served {
    started: Instant,
    method: Method,
    /// The template, such as `/orders/{id}`.
    route: Option<MatchedPath>,
    label: Option<RouteLabel>,
    span: Span,
    requests: Requests,
    answered: bool,
    _in_flight: InFlight,
}

impl Served {
    fn start(request: &Request, id: &RequestId, requests: &Requests) -> Self {
        let method = request.method().clone();
        let route = request.extensions().get::<MatchedPath>().cloned();
        let template = route.as_ref().map_or(UNMATCHED, MatchedPath::as_str);
        let span = tracing::info_span!(
            REQUEST_SPAN,
            otel.name = %format_args!("{method} {template}"),
            otel.kind = "server",
            otel.status_code = Empty,
            http.method = method.as_str(),
            http.route = template,
            http.status = Empty,
            request.id = id.as_str(),
        );
        telemetry::continue_from(&span, request.headers());
        let in_flight = requests.enter();
        let (requests, started) = (requests.clone(), Instant::now());
        Self { started, method, route, label: None, span, requests, answered: false, _in_flight: in_flight }
    }

    fn route(&self) -> &str {
        let matched = self.route.as_ref().map_or(UNMATCHED, MatchedPath::as_str);
        self.label.map_or(matched, |label| label.0)
    }

    fn answered(&mut self, response: &mut Response) {
        self.answered = true;
        let (status, took) = (response.status(), self.started.elapsed());
        self.label = response.extensions().get::<RouteLabel>().copied();
        if let Some(RouteLabel(route)) = self.label {
            self.span.record("http.route", route);
        }
        self.requests.observe(&self.method, self.route(), status, took);
        self.span.record("http.status", status.as_u16());
        if status.is_server_error() {
            self.span.record("otel.status_code", "ERROR");
        }
        for (name, value) in telemetry::context_of(&self.span).iter().flat_map(TraceContext::headers) {
            response.headers_mut().entry(name).or_insert(value);
        }
        if !QUIET.contains(&self.route()) {
            tracing::info!(duration_ms = milliseconds(took), "served");
        }
    }
}

impl Drop for Served {
    /// A request whose client went away ends without an answer, wherever it was.
    fn drop(&mut self) {
        if !self.answered {
            tracing::info!(
                duration_ms = milliseconds(self.started.elapsed()),
                "client left before the answer"
            );
        }
    }
}

/// To the microsecond.
fn milliseconds(duration: Duration) -> f64 {
    u32::try_from(duration.as_micros()).map_or(f64::MAX, f64::from) / 1000.0
}

#[cfg(test)]
mod tests;
