//! What every service's HTTP side has: standard routes and layers.

mod arrival;
mod observe;
mod request_id;
mod routes;

pub(crate) use arrival::Arriving;
pub use observe::RouteLabel;
pub use request_id::{REQUEST_ID, RequestId, request_id};
pub use routes::StandardRoutes;

use std::time::Duration;

use axum::extract::DefaultBodyLimit;
use axum::response::Response;
use axum::{Router, middleware};
use tower_http::catch_panic::CatchPanicLayer;

use crate::metrics::Registry;
use crate::problem::{Code, Problem};

/// Largest request body, in bytes, where the settings do not say another.
pub const MAX_BODY: usize = topology::MAX_BODY;

/// Largest body of a request, in bytes; one of its extensions.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimit(pub usize);
/// Longest time from a request's arrival to its answer's head. The time that a body takes to arrive is not counted.
pub const TIMEOUT: Duration = Duration::from_secs(30);
const _: () = assert!(TIMEOUT.as_secs() <= topology::REQUESTS_END.as_secs(), "stopping would cut requests");

/// A service's routes with the standard ones, by the listener that serves them.
pub struct Routers {
    /// What clients reach.
    pub public: Router,
    /// What probes and Prometheus reach: `GET /health`, `/ready`, `/metrics`, `/openapi.json`.
    pub internal: Router,
    pub(crate) metrics: Registry,
}

impl Routers {
    /// Adds a layer around everything that clients reach, answers of the standard layers included.
    #[must_use]
    pub fn map_public(mut self, layer: impl FnOnce(Router) -> Router) -> Self {
        self.public = layer(self.public);
        self
    }
}

/// Adds the standard routes and layers to the routes of a service behind the gateway.
///
/// Its public listener also has `GET /health` and `/metrics`. Layers, from the outside: request id, trace and
/// access log, metrics, panic → 500, body that stops arriving → 408, time-out → 503, body limit 1 MiB → 413;
/// unknown routes are 404 and unknown methods 405, both as problems.
pub fn standard(router: Router, standard: StandardRoutes) -> Routers {
    let router = router.merge(routes::health()).merge(routes::metrics(&standard));
    routers(router, standard)
}

/// [`standard`] for the service that the Internet reaches: its public listener has `GET /health` and
/// `/openapi.json`, and nothing that tells of its inside.
pub fn edge(router: Router, standard: StandardRoutes) -> Routers {
    let router = router.merge(routes::health()).merge(routes::openapi(&standard));
    routers(router, standard)
}

fn routers(public: Router, standard: StandardRoutes) -> Routers {
    let metrics = standard.metrics.clone();
    let public = layers(fallbacks(public).layer(DefaultBodyLimit::max(MAX_BODY)))
        .layer(observe::Observe(metrics.requests()));
    let internal = routes::health()
        .merge(routes::metrics(&standard))
        .merge(routes::openapi(&standard))
        .merge(routes::ready(standard));
    // Probes and scrapes are neither logged nor counted.
    let internal = layers(fallbacks(internal)).layer(middleware::from_fn(request_id::layer));
    Routers { public, internal, metrics }
}

/// What keeps one request from harming others.
pub(crate) fn layers(router: Router) -> Router {
    router.layer(middleware::from_fn(arrival::layer)).layer(CatchPanicLayer::custom(panicked))
}

fn fallbacks(router: Router) -> Router {
    router.fallback(not_found).method_not_allowed_fallback(method_not_allowed)
}

async fn not_found() -> Problem {
    Problem::not_found("There is nothing at this path.")
}

async fn method_not_allowed() -> Problem {
    Problem::of(Code::MethodNotAllowed).with_detail("This path does not know this method.")
}

#[expect(clippy::needless_pass_by_value, reason = "the layer passes the panic by value")]
fn panicked(panic: Box<dyn std::any::Any + Send>) -> Response {
    let message = panic
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    tracing::error!(error = %message, "handler panicked");
    axum::response::IntoResponse::into_response(Problem::internal())
}
