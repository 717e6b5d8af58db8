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
use kit::access::Access;
use kit::http::{Routers, StandardRoutes};
use kit::openapi::Summary;
use kit::service::{Behind, Start};
use kit::{Context, Service};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

pub use config::{Config, Cors, RateLimits};

use limits::Limiter;
use upstream::Upstream;

/// How often callers that have recovered are forgotten.
const SWEEP: Duration = Duration::from_mins(1);

/// The gateway.
#[derive(Debug)]
pub struct Gateway;

impl Service for Gateway {
    const NAME: &'static str = "gateway";
    const SUMMARY: Summary = Summary {
        title: "ShopFlow",
        description: "The commerce API. Every path is also served without its base.",
    };
    type Config = Config;
    type State = Arc<forward::Gateway>;

    /// None of its own: its description is that of the services behind it.
    fn routes() -> OpenApiRouter<Self::State> {
        OpenApiRouter::default()
    }

    /// One pattern for everything: the table alone decides where a path leads.
    fn undescribed() -> Router<Self::State> {
        let forwarded =
            Router::new().route("/", any(forward::forward)).route("/{*path}", any(forward::forward));
        forwarded.merge(docs::router())
    }

    fn access() -> Access {
        Access::decided_elsewhere()
    }

    fn start(start: &mut Start, config: Config) -> anyhow::Result<Self::State> {
        let gateway = Arc::new(forward::Gateway {
            upstream: upstream(start, &config)?,
            limiter: Limiter::new(&config.rate_limits, DefaultClock::default()),
            verifier: start.verifier.clone(),
            trusted_proxies: config.trusted_proxies.clone(),
            max_body_bytes: usize::try_from(config.max_body_bytes).unwrap_or(usize::MAX),
        });
        let swept = Arc::clone(&gateway);
        start.task("rate limits", move |shutdown| {
            let gateway = Arc::clone(&swept);
            async move {
                while shutdown.sleep(SWEEP).await {
                    gateway.limiter.sweep();
                }
                Ok(())
            }
        });
        start.trust(config.trusted_proxies.clone().unwrap_or_default());
        // Around the standard layers: a page that may call the API may also read why it was refused.
        if let Some(layer) = cors::layer(&config.cors)? {
            start.around_public(|router| router.layer(layer));
        }
        Ok(gateway)
    }

    /// The whole API in one document: every path of every service, below `/api/v1`.
    fn openapi(behind: Behind) -> OpenApi {
        let documents = behind()
            .into_iter()
            .map(|(service, document)| (service, serde_json::to_value(document).unwrap_or_default()));
        let merged = serde_json::from_value(description::merge(documents));
        merged
            .inspect_err(|error| tracing::error!(%error, "the merged description cannot be read"))
            .unwrap_or_default()
    }

    fn routers(router: Router, standard: StandardRoutes) -> Routers {
        kit::http::edge(router, standard)
    }
}

fn upstream(context: &Context, config: &Config) -> anyhow::Result<Upstream> {
    let address_of =
        |service: &str| context.config.url_of(service).map(ToString::to_string).unwrap_or_default();
    let timeout = Duration::from_secs(config.upstream_timeout_seconds);
    Ok(Upstream::new(&routes::services(), address_of, timeout)?)
}
