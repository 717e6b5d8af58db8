//! `/health`, `/ready`, `/metrics`, `/openapi.json`.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::extract::Query;
use crate::metrics::{self, Registry};
use crate::problem::{Code, Problem};
use crate::readiness::{Outcome, Readiness};

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

/// `verbose`, with or without a value.
#[derive(Debug, Deserialize)]
struct ReadyQuery {
    verbose: Option<String>,
}

/// Whether the process lives; asks nobody else.
pub(super) fn health() -> Router {
    Router::new().route("/health", get(|| async { Json(json!({ "status": "ok" })) }))
}

pub(super) fn metrics(routes: &StandardRoutes) -> Router {
    let metrics = routes.metrics.clone();
    let handler = move || async move { ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], metrics.encode()) };
    Router::new().route("/metrics", get(handler))
}

pub(super) fn openapi(routes: &StandardRoutes) -> Router {
    // Rendered once; it never changes.
    let openapi: Arc<str> = routes.openapi.to_json().unwrap_or_default().into();
    let handler = move || async move { ([(CONTENT_TYPE, "application/json")], openapi.to_string()) };
    Router::new().route("/openapi.json", get(handler))
}

/// Whether the process should get requests; `?verbose` lists every check.
pub(super) fn ready(routes: StandardRoutes) -> Router {
    let StandardRoutes { name, readiness, .. } = routes;
    let handler = move |Query(query): Query<ReadyQuery>| async move {
        match query.verbose {
            None => brief(name, readiness.failing().await),
            Some(_) => verbose(name, &readiness.outcomes().await),
        }
    };
    Router::new().route("/ready", get(handler))
}

fn brief(name: &'static str, failing: Option<&'static str>) -> Response {
    match failing {
        None => Json(json!({ "status": "ready", "service": name })).into_response(),
        Some(check) => {
            tracing::debug!(check, "not ready");
            Problem::unavailable(1)
                .with_code(Code::NotReady)
                .with_detail(format!("Not ready: {check}."))
                .into_response()
        }
    }
}

/// A report for people, so the failing one is no problem document.
fn verbose(name: &'static str, outcomes: &[Outcome]) -> Response {
    let ready = outcomes.iter().all(|outcome| outcome.passes || !outcome.required);
    let checks: Vec<Value> = outcomes
        .iter()
        .map(|outcome| {
            let status = if outcome.passes { "ok" } else { "failing" };
            json!({ "name": outcome.name, "status": status, "required": outcome.required })
        })
        .collect();
    let (code, status) =
        if ready { (StatusCode::OK, "ready") } else { (StatusCode::SERVICE_UNAVAILABLE, "not_ready") };
    (code, Json(json!({ "status": status, "service": name, "checks": checks }))).into_response()
}
