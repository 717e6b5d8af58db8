//! The services.

use crate::aggregates::{Aggregate, ORDERS, USERS};
use crate::events::{
    ORDER_CANCELLED, ORDER_CONFIRMED, ORDER_CREATED, ORDER_DELIVERED, ORDER_SHIPPED, ORDER_STATUS_UPDATED,
    Subject, USER_DELETED, USER_REGISTERED, USER_UPDATED,
};
use crate::routes::{Budget, Route};

/// One deployable service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Service {
    /// Name of the crate, the Deployment, the Kubernetes Service, the database and the NATS user.
    pub name: &'static str,
    /// What it does, in a few words.
    pub description: &'static str,
    /// HTTP port, the same in development and in a cluster.
    pub port: u16,
    /// Second port under which older clients know the service.
    pub alias_port: Option<u16>,
    /// Whether it owns a database (named like the service).
    pub database: bool,
    /// Maximum number of database connections of one of its processes; 0 without a database.
    pub connections: u32,
    /// What the gateway forwards to it.
    pub routes: &'static [Route],
    /// Services it calls over HTTP, beside [`SESSIONS`]; see [`Service::calls`].
    pub(crate) calls: &'static [&'static str],
    /// Aggregates of services it calls whose snapshots it may read.
    pub projects: &'static [Aggregate],
    /// Subjects it may publish.
    pub publishes: &'static [Subject],
    /// Durable consumers it owns.
    pub consumers: &'static [Consumer],
}

/// A durable pull consumer of one stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Consumer {
    /// Name of the durable.
    pub durable: &'static str,
    /// Stream it reads.
    pub stream: &'static str,
    /// Subjects it receives; each belongs to `stream`.
    pub subjects: &'static [Subject],
}

/// A durable consumer of an earlier release, which no service asks for messages any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObsoleteConsumer {
    /// Stream it reads.
    pub stream: &'static str,
    /// Name of the durable.
    pub durable: &'static str,
}

/// The only things that are ever deleted from JetStream. A durable keeps no message: it is a place in a stream.
pub const OBSOLETE_CONSUMERS: &[ObsoleteConsumer] = &[
    // The first release recorded dead letters from their stream; they are now recorded where they arise.
    ObsoleteConsumer { stream: "DEADLETTERS", durable: "notification-dead-letters" },
];

/// Whom every other service asks which sessions have ended, before it accepts a token.
const SESSIONS: &str = "auth";

/// All services, in the order in which they are listed to people.
pub const SERVICES: &[Service] = &[
    Service {
        name: "gateway",
        description: "The public edge: routing, rate limits, CORS, one API description",
        port: 3000,
        alias_port: None,
        database: false,
        connections: 0,
        routes: &[],
        calls: &[],
        projects: &[],
        publishes: &[],
        consumers: &[],
    },
    Service {
        name: "auth",
        description: "Accounts, sign-in, tokens",
        port: 3001,
        alias_port: Some(4001),
        database: true,
        connections: 10,
        routes: &[
            // Verifiers everywhere read the keys; counting them would stop a site, not an attacker.
            Route::served("/.well-known", Budget::Unlimited),
            Route::served("/auth", Budget::Auth),
            Route::alias("/users", "/auth/users", Budget::Auth),
            Route::alias("/users/register", "/auth/register", Budget::Auth),
            Route::alias("/users/login", "/auth/login", Budget::Auth),
            Route::alias("/register", "/auth/register", Budget::Auth),
            Route::alias("/login", "/auth/login", Budget::Auth),
            Route::alias("/validate-token", "/auth/validate", Budget::Auth),
        ],
        calls: &[],
        projects: &[],
        publishes: &[USER_REGISTERED, USER_UPDATED, USER_DELETED],
        consumers: &[],
    },
    Service {
        name: "order",
        description: "Orders and their state machine",
        port: 3002,
        alias_port: Some(4003),
        database: true,
        connections: 10,
        routes: &[Route::served("/orders", Budget::Orders)],
        calls: &[],
        projects: &[],
        publishes: &[
            ORDER_CREATED,
            ORDER_CONFIRMED,
            ORDER_SHIPPED,
            ORDER_DELIVERED,
            ORDER_CANCELLED,
            ORDER_STATUS_UPDATED,
        ],
        consumers: &[],
    },
    Service {
        name: "notification",
        description: "Mail and SMS to customers, from events",
        port: 3003,
        alias_port: None,
        database: true,
        connections: 10,
        routes: &[Route::served("/notifications", Budget::Unlimited)],
        calls: &["order"],
        // Whatever they hold it may ask for one by one already, to write its mails.
        projects: &[USERS, ORDERS],
        publishes: &[],
        consumers: &[Consumer {
            durable: "notification-orders",
            stream: "ORDERS",
            subjects: &[ORDER_CREATED, ORDER_SHIPPED],
        }],
    },
];

impl Service {
    /// Where administrators find its dead letters, such as `/notifications/dead-letters`; none without consumers.
    pub fn dead_letters(&self) -> Option<String> {
        let own = self.routes.iter().find(|route| !route.is_alias())?;
        (!self.consumers.is_empty()).then(|| format!("{}/dead-letters", own.prefix))
    }

    /// Services it calls over HTTP, each with a service token of that audience.
    pub fn calls(&self) -> impl Iterator<Item = &'static str> {
        let sessions = (self.name != SESSIONS).then_some(SESSIONS);
        sessions.into_iter().chain(self.calls.iter().copied())
    }
}

/// The service of that name.
pub fn service(name: &str) -> Option<&'static Service> {
    SERVICES.iter().find(|service| service.name == name)
}
