//! Trace, access log and metrics of each request.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;

use crate::metrics::Requests;

/// Probes and scrapes would drown everything else in the log.
const QUIET: [&str; 3] = ["/health", "/ready", "/metrics"];

/// The route of an answer, where the handler knows it better than the router: an extension of the response. From a
/// table that does not grow with requests, or every path would make a series of its own.
#[derive(Debug, Clone, Copy)]
pub struct RouteLabel(pub &'static str);

pub(super) async fn layer(State(requests): State<Requests>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    // The template, so that no path makes a series of its own.
    let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str).to_owned();
    let span = tracing::info_span!(
        "request",
        otel.name = format!("{method} {route}"),
        otel.kind = "server",
        http.method = %method,
        http.route = %route,
        request.id = super::request_id(),
    );
    crate::telemetry::continue_from(&span, request.headers());
    let mut response = next.run(request).instrument(span.clone()).await;
    let (status, took) = (response.status(), started.elapsed());
    let route = response.extensions().get::<RouteLabel>().map_or(route.as_str(), |label| label.0);
    span.record("http.route", route);
    requests.observe(&method, route, status, took);
    span.in_scope(|| {
        for (name, value) in crate::telemetry::outgoing() {
            if let (Ok(name), Ok(value)) =
                (http::HeaderName::try_from(name), http::HeaderValue::try_from(value))
            {
                response.headers_mut().entry(name).or_insert(value);
            }
        }
        if !QUIET.contains(&route) {
            let duration_ms = took.as_secs_f64() * 1000.0;
            tracing::info!(http.status = status.as_u16(), duration_ms, "served");
        }
    });
    response
}
