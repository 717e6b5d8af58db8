//! Mail and SMS to customers, from events.
//!
//! Consumes `order.created` and `order.shipped`, reads the order and its customer, and sends a mail and, to whoever
//! has a phone, an SMS. Everything sent is on record, for the customer and for administrators.

mod app;
mod config;
mod domain;
mod events;
mod http;
mod providers;
mod store;

use anyhow::Context as _;
use kit::Context;
use kit::client::ServiceClient;
use kit::consumer::Consumers;
use kit::database::Database;
use kit::dead_letters::DeadLetters;
use kit::http::{Routers, StandardRoutes};
use kit::lifecycle::App;

use crate::app::plan::OrderEventHandler;
use crate::app::send::Sender;
use crate::app::upstreams::Upstreams;
use crate::domain::Channel;

pub use config::{Config, Email, EmailProvider, Sms, SmsProvider, Tls};

/// Name of the service.
pub const NAME: &str = "notification";

/// The service's migrations.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();

/// The service: its routes, its consumer and its senders. An error names the configuration's key to correct.
#[expect(clippy::needless_pass_by_value, reason = "every service has this signature")]
pub fn service(context: Context, config: Config) -> anyhow::Result<App> {
    let database = context.database.clone().context("the notification service needs a database")?;
    let jetstream = context.jetstream.clone().context("the notification service needs NATS")?;
    let clock = context.clock.clone();
    let upstreams = Upstreams {
        orders: ServiceClient::new(&context.config, "order")?,
        users: ServiceClient::new(&context.config, "auth")?,
    };
    let providers = config::providers(&config)?;
    let sender = |channel, provider| Sender { channel, provider, clock: clock.clone() };
    let handler = OrderEventHandler { upstreams, clock: clock.clone() };
    let consumers = Consumers::new(NAME, database.clone(), jetstream, clock.clone(), &context.metrics)?
        .consume(events::ORDERS, events::orders(handler))?
        .effect(sender(Channel::Email, providers.email))
        .effect(sender(Channel::Sms, providers.sms));
    let dead_letters = consumers.dead_letters();
    let mut app = App::new(NAME, routers(&context, database, dead_letters.clone()));
    app.background.extend(consumers.tasks(&dead_letters)?);
    Ok(context.standard_tasks(app))
}

fn routers(context: &Context, database: Database, dead_letters: DeadLetters) -> Routers {
    let state = http::State { database, dead_letters };
    let router = http::access().protect(http::router(), context.verifier.clone()).with_state(state);
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
