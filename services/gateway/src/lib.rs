//! The public edge: routing, rate limits, CORS, one API description.
//!
//! A request is routed by the topology's table, counted against its caller, stripped of what it may not claim,
//! and streamed to its service. The gateway keeps no state but counters and connections. What every service has a part
//! of, such as the dead letters, it asks them all for and answers as one.

mod client;
mod config;
mod cors;
mod dead_letters;
mod description;
mod docs;
mod forward;
mod headers;
mod limits;
mod routes;
mod state;
mod upstream;

use std::sync::Arc;

use axum::Router;
use kit::Service;
use kit::access::Access;
use kit::http::{Routers, StandardRoutes};
use kit::openapi::Summary;
use kit::service::{Behind, Start};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

pub use config::{Config, Cors, RateLimits};

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
    type State = Arc<state::Gateway>;

    fn routes() -> OpenApiRouter<Self::State> {
        dead_letters::routes()
    }

    fn undescribed() -> Router<Self::State> {
        dead_letters::aliases()
    }

    fn unguarded() -> Router<Self::State> {
        forward::router().merge(docs::router())
    }

    fn access() -> Access {
        Access::new(dead_letters::RULES)
    }

    fn start(start: &mut Start, config: Config) -> anyhow::Result<Self::State> {
        let gateway = state::Gateway::start(start, &config)?;
        start.trust(config.trusted_proxies.unwrap_or_default());
        // Around the standard layers: a page that may call the API may also read why it was refused.
        if let Some(layer) = cors::layer(&config.cors)? {
            start.around_public(|router| router.layer(layer));
        }
        Ok(gateway)
    }

    /// The whole API in one document: every path of every service, below `/api/v1`.
    fn openapi(behind: Behind) -> OpenApi {
        description::whole(behind())
    }

    fn routers(router: Router, standard: StandardRoutes) -> Routers {
        kit::http::edge(router, standard)
    }
}
