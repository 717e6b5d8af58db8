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

use kit::Service;
use kit::access::Access;
use kit::client::ServiceClient;
use kit::openapi::Summary;
use kit::service::Start;
use sqlx::migrate::Migrator;
use utoipa_axum::router::OpenApiRouter;

use crate::app::deliver::Notifier;
use crate::app::sources::Sources;
use crate::metrics::Attempts;

pub use config::{Config, Email, EmailProvider, Sms, SmsProvider, Tls};

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
    type State = Arc<Notifier>;

    fn migrations() -> Option<&'static Migrator> {
        Some(&MIGRATIONS)
    }

    fn routes() -> OpenApiRouter<Arc<Notifier>> {
        http::routes()
    }

    fn access() -> Access {
        http::access()
    }

    fn start(start: &mut Start, config: Config) -> anyhow::Result<Arc<Notifier>> {
        let notifier = Arc::new(Notifier {
            database: start.database()?,
            clock: start.clock.clone(),
            sources: Sources {
                orders: ServiceClient::new(&start.config, "order")?,
                users: ServiceClient::new(&start.config, "auth")?,
            },
            providers: config::providers(&config)?,
            attempts: Attempts::new(&start.metrics),
        });
        events::start(start, &notifier);
        Ok(notifier)
    }
}
