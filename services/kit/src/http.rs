//! What every service's HTTP side has: standard routes and layers.

mod observe;
mod request_id;
mod routes;

pub use observe::RouteLabel;
pub use request_id::{REQUEST_ID, request_id};
pub use routes::StandardRoutes;

use std::time::Duration;

use axum::extract::DefaultBodyLimit;
use axum::response::Response;
use axum::{Router, middleware};
use http::StatusCode;
use tower_http::catch_panic::CatchPanicLayer;

use crate::problem::Problem;

/// Largest request body.
pub const MAX_BODY: usize = 1024 * 1024;
/// Longest time that a request may take.
pub const TIMEOUT: Duration = Duration::from_secs(30);

/// Adds the standard routes and layers to a service's own routes.
///
/// Routes: `GET /health`, `/ready`, `/metrics`, `/openapi.json`. Layers, from the outside: request id,
/// trace and access log, metrics, panic → 500, time-out → 503, body limit 1 MiB → 413; unknown routes
/// are 404 and unknown methods 405, both as problems.
pub fn standard(router: Router, standard: StandardRoutes) -> Router {
    let requests = standard.metrics.requests();
    router
        .merge(routes::router(standard))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn(timeout))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(requests, observe::layer))
        .layer(middleware::from_fn(request_id::layer))
}

async fn not_found() -> Problem {
    Problem::not_found("There is nothing at this path.")
}

async fn method_not_allowed() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "This path does not know this method.")
}

async fn timeout(request: axum::extract::Request, next: middleware::Next) -> Result<Response, Problem> {
    tokio::time::timeout(TIMEOUT, next.run(request)).await.map_err(|_| {
        tracing::error!("request timed out");
        Problem::unavailable(5)
    })
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
