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

use std::sync::Arc;

use kit::Service;
use kit::access::Access;
use kit::client::ServiceClient;
use kit::consumer::Consumers;
use kit::database::Migrator;
use kit::openapi::Summary;
use kit::service::Start;
use utoipa_axum::router::OpenApiRouter;

use crate::app::plan::OrderEventHandler;
use crate::app::send::Sender;
use crate::app::upstreams::Upstreams;
use crate::domain::Channel;
use crate::http::State;

pub use config::{Config, Email, EmailProvider, Shop, Sms, SmsProvider, Tls};

/// The notification service.
#[derive(Debug)]
pub struct Notification;

static MIGRATIONS: Migrator = sqlx::migrate!();

impl Service for Notification {
    const NAME: &'static str = "notification";
    const SUMMARY: Summary = Summary {
        title: "ShopFlow notifications",
        description: "What was sent to customers, and what could not be",
    };
    type Config = Config;
    type State = State;

    fn migrations() -> Option<&'static Migrator> {
        Some(&MIGRATIONS)
    }

    fn routes() -> OpenApiRouter<State> {
        http::routes()
    }

    fn access() -> Access {
        http::access()
    }

    fn start(start: &mut Start, config: Config) -> anyhow::Result<State> {
        let (database, clock) = (start.database()?, start.clock.clone());
        let upstreams = Upstreams {
            orders: ServiceClient::new(&start.config, "order")?,
            users: ServiceClient::new(&start.config, "auth")?,
        };
        let providers = config::providers(&config)?;
        let sender = |channel, provider| Sender { channel, provider, clock: clock.clone() };
        let shop = Arc::new(config::shop(&config)?);
        let handler = OrderEventHandler { upstreams, shop, clock: clock.clone() };
        let consumers =
            Consumers::new(Self::NAME, database.clone(), start.jetstream()?, clock.clone(), &start.metrics)?
                .consume(events::ORDERS, events::orders(handler))?
                .report_outages(&start.config.instance)
                .effect(sender(Channel::Email, providers.email))
                .effect(sender(Channel::Sms, providers.sms));
        let dead_letters = consumers.dead_letters();
        start.tasks(consumers.tasks(&dead_letters)?);
        Ok(State { database, dead_letters })
    }
}
