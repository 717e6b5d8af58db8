//! /metrics and /healthz.

use axum::{Router, http::header::CONTENT_TYPE, response::IntoResponse, routing::get};
use tokio::net::TcpListener;

use crate::metrics::Metrics;

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(super) async fn serve(listener: TcpListener, metrics: Metrics) {
    let text = move || {
        let text = metrics.text();
        async move { ([(CONTENT_TYPE, OPENMETRICS)], text).into_response() }
    };
    // A replica that does not lead is healthy as well.
    let router = Router::new().route("/metrics", get(text)).route("/healthz", get(|| async { "ok" }));
    if let Err(error) = axum::serve(listener, router).await {
        tracing::error!(%error, "probes are not answered any more");
    }
}
