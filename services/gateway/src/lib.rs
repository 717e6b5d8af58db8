//! The public edge: routing, rate limits, CORS, one API description.
//!
//! A request is routed by the topology's table, counted against its caller, stripped of what it may not claim,
//! and streamed to its service. The gateway keeps no state but counters and connections.

mod client;
mod config;
mod cors;
mod description;
mod docs;
mod forward;
mod headers;
mod limits;
mod routes;
mod upstream;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::any;
use governor::clock::DefaultClock;
use kit::Context;
use kit::http::StandardRoutes;
use kit::lifecycle::App;
use utoipa::openapi::OpenApi;

pub use config::{Config, Cors, RateLimits};

use forward::Gateway;
use limits::Limiter;
use upstream::Upstream;

/// Name of the service, as in `topology`.
pub const NAME: &str = "gateway";

/// How often callers that have recovered are forgotten.
const SWEEP: Duration = Duration::from_mins(1);

#[expect(clippy::needless_pass_by_value, reason = "made like every other service, from what it then owns")]
/// Makes the gateway. `documents` are the API descriptions of the services behind it.
pub fn service(
    context: Context,
    config: Config,
    documents: Vec<(&'static str, OpenApi)>,
) -> anyhow::Result<App> {
    let gateway = Arc::new(Gateway {
        upstream: upstream(&context, &config)?,
        limiter: Limiter::new(&config.rate_limits, DefaultClock::default()),
        verifier: context.verifier.clone(),
        trusted_proxies: config.trusted_proxies.clone(),
        max_body_bytes: usize::try_from(config.max_body_bytes).unwrap_or(usize::MAX),
    });
    // One pattern for everything: the table alone decides where a path leads.
    let forwarded = Router::new().route("/", any(forward::forward)).route("/{*path}", any(forward::forward));
    let router = forwarded.merge(docs::router()).with_state(gateway.clone());
    let mut routers = kit::http::edge(
        router,
        StandardRoutes {
            name: NAME,
            readiness: context.readiness(),
            openapi: openapi(documents),
            metrics: context.metrics.clone(),
        },
    );
    // Around the standard layers: a page that may call the API may also read why it was refused.
    if let Some(layer) = cors::layer(&config.cors)? {
        routers = routers.map_public(|router| router.layer(layer));
    }
    let app = App::new(NAME, routers).trusting(config.trusted_proxies.unwrap_or_default()).task(
        "rate limits",
        move |shutdown| {
            let gateway = gateway.clone();
            async move {
                while shutdown.sleep(SWEEP).await {
                    gateway.limiter.sweep();
                }
                Ok(())
            }
        },
    );
    Ok(context.standard_tasks(app))
}

/// The whole API in one document: every path of every service, below `/api/v1`.
pub fn openapi(documents: Vec<(&'static str, OpenApi)>) -> OpenApi {
    let documents = documents
        .into_iter()
        .map(|(service, document)| (service, serde_json::to_value(document).unwrap_or_default()));
    serde_json::from_value(description::merge(documents)).unwrap_or_default()
}

fn upstream(context: &Context, config: &Config) -> anyhow::Result<Upstream> {
    let address_of =
        |service: &str| context.config.url_of(service).map(ToString::to_string).unwrap_or_default();
    let timeout = Duration::from_secs(config.upstream_timeout_seconds);
    Ok(Upstream::new(&routes::services(), address_of, timeout)?)
}
