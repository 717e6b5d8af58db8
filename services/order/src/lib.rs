//! Orders and their state machine.
//!
//! `http` calls `app`; only `app` opens transactions; only `store` has SQL; `domain` imports
//! none of them.

mod app;
mod config;
mod domain;
mod http;
mod store;

use axum::Router;
use kit::Service;
use kit::access::Access;
use kit::database::Migrator;
use kit::openapi::Summary;
use kit::service::Start;
use utoipa_axum::router::OpenApiRouter;

pub use config::{CatalogMode, Config, ConfigError};

/// The order service.
#[derive(Debug)]
pub struct Order;

static MIGRATIONS: Migrator = sqlx::migrate!();

impl Service for Order {
    const NAME: &'static str = "order";
    const SUMMARY: Summary =
        Summary { title: "ShopFlow orders", description: "Orders and their state machine" };
    type Config = Config;
    type State = app::Orders;

    fn migrations() -> Option<&'static Migrator> {
        Some(&MIGRATIONS)
    }

    fn routes() -> OpenApiRouter<app::Orders> {
        http::routes()
    }

    fn undescribed() -> Router<app::Orders> {
        http::aliases()
    }

    fn access() -> Access {
        http::access()
    }

    fn start(start: &mut Start, config: Config) -> anyhow::Result<app::Orders> {
        config::check(config)?;
        Ok(app::Orders::new(start.database()?, start.clock.clone()))
    }
}
