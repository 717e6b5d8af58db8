//! `/health`, `/ready`, `/metrics`, `/openapi.json`.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::header::CONTENT_TYPE;
use serde_json::json;

use crate::metrics::{self, Registry};
use crate::problem::Problem;
use crate::readiness::Readiness;

/// What the standard routes show.
pub struct StandardRoutes {
    /// Name of the service.
    pub name: &'static str,
    /// Checks behind `/ready`.
    pub readiness: Readiness,
    /// Behind `/openapi.json`.
    pub openapi: utoipa::openapi::OpenApi,
    /// Behind `/metrics`.
    pub metrics: Registry,
}

pub(super) fn router(routes: StandardRoutes) -> Router {
    let StandardRoutes { name, readiness, openapi, metrics } = routes;
    // Rendered once; it never changes.
    let openapi: Arc<str> = openapi.to_json().unwrap_or_default().into();
    Router::new()
        .route("/health", get(|| async { Json(json!({ "status": "ok" })) }))
        .route("/ready", get(move || ready(name, readiness.clone())))
        .route(
            "/metrics",
            get(move || async move { ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], metrics.encode()) }),
        )
        .route(
            "/openapi.json",
            get(move || async move { ([(CONTENT_TYPE, "application/json")], openapi.to_string()) }),
        )
}

async fn ready(name: &'static str, readiness: Readiness) -> Response {
    match readiness.failing().await {
        None => Json(json!({ "status": "ready", "service": name })).into_response(),
        Some(check) => {
            tracing::debug!(check, "not ready");
            Problem::unavailable(1)
                .with_code("not_ready")
                .with_detail(format!("Not ready: {check}."))
                .into_response()
        }
    }
}
