//! Mail and SMS to customers, from events.
//!
//! Consumes `order.created` and `order.shipped`, reads the order and its customer, and sends a mail and, to whoever has a
//! phone, an SMS. Everything sent is on record, for the customer and for administrators.

mod app;
mod config;
mod domain;
mod events;
mod http;
mod metrics;
mod providers;
mod store;

use std::sync::Arc;

use anyhow::Context as _;
use kit::Context;
use kit::client::ServiceClient;
use kit::http::{Routers, StandardRoutes};
use kit::lifecycle::App;

use crate::app::deliver::Notifier;
use crate::app::sources::Sources;
use crate::metrics::Attempts;

pub use config::{Config, Email, EmailProvider, Sms, SmsProvider, Tls};

/// Name of the service.
pub const NAME: &str = "notification";

/// The service's migrations.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();

/// The service: its routes and its consumers. An error names the configuration's key to put right.
#[expect(clippy::needless_pass_by_value, reason = "every service has this signature")]
pub fn service(context: Context, config: Config) -> anyhow::Result<App> {
    let database = context.database.clone().context("the notification service needs a database")?;
    let notifier = Arc::new(Notifier {
        database: database.clone(),
        clock: context.clock.clone(),
        sources: Sources {
            orders: ServiceClient::new(&context.config, "order")?,
            users: ServiceClient::new(&context.config, "auth")?,
        },
        providers: config::providers(&config)?,
        attempts: Attempts::new(&context.metrics),
    });
    let mut app = App::new(NAME, routers(&context, Arc::clone(&notifier)));
    if let Some(jetstream) = context.jetstream.clone() {
        let runner = events::orders::runner(notifier, jetstream.clone(), &context.metrics);
        app = app.task(app::deliver::CONSUMER, move |shutdown| runner.clone().run(shutdown));
        let clock = context.clock.clone();
        app = app.task(events::dead_letters::CONSUMER, move |shutdown| {
            events::dead_letters::run(jetstream.clone(), database.clone(), clock.clone(), shutdown)
        });
    }
    Ok(context.standard_tasks(app))
}

fn routers(context: &Context, notifier: Arc<Notifier>) -> Routers {
    let router = http::access().protect(http::router(), context.verifier.clone()).with_state(notifier);
    let standard = StandardRoutes {
        name: NAME,
        readiness: context.readiness(),
        openapi: openapi(),
        metrics: context.metrics.clone(),
    };
    kit::http::standard(router, standard)
}

/// Who may use which route.
pub fn access() -> kit::access::Access {
    http::access()
}

/// The API's description.
pub fn openapi() -> utoipa::openapi::OpenApi {
    http::openapi()
}
