//! Orders and their state machine.
//!
//! `http` calls `app`; only `app` opens transactions; only `store` has SQL; `domain` imports
//! none of them.

mod app;
mod config;
mod domain;
mod http;
mod store;

use anyhow::Context as _;
use kit::http::StandardRoutes;
use kit::lifecycle::App;
use kit::outbox::Relay;

pub use config::{CatalogMode, Config, ConfigError};

/// Name of the service in `topology`.
pub const NAME: &str = "order";

/// The schema of the service's database.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();

/// The service: its routes, its outbox relay and the tasks that every service has.
#[expect(
    clippy::needless_pass_by_value,
    reason = "every service is started by this signature, and most keep the context"
)]
pub fn service(context: kit::Context, config: Config) -> anyhow::Result<App> {
    config::check(config)?;
    let database = context.database.clone().context("the order service needs a database")?;
    let orders = app::Orders::new(database.clone(), context.clock.clone());
    let router = http::access().protect(http::router(), context.verifier.clone()).with_state(orders);
    let standard = StandardRoutes {
        name: NAME,
        metrics: context.metrics.clone(),
        readiness: context.readiness(),
        openapi: openapi(),
    };
    let mut app = context.standard_tasks(App::new(NAME, kit::http::standard(router, standard)));
    if let Some(jetstream) = &context.jetstream {
        let clock = context.clock.clone();
        let relay = Relay::new(database, jetstream.clone(), clock, &context.metrics);
        app = app.task("outbox relay", move |shutdown| relay.clone().run(shutdown));
    }
    Ok(app)
}

/// Who may use which route.
pub fn access() -> kit::access::Access {
    http::access()
}

/// The description of the API.
pub fn openapi() -> utoipa::openapi::OpenApi {
    http::openapi()
}
