//! The services.

use crate::messaging::Subject;

/// One deployable service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Service {
    /// Name of the crate, the Deployment, the Kubernetes Service, the database and the NATS user.
    pub name: &'static str,
    /// HTTP port, the same in development and in a cluster.
    pub port: u16,
    /// Second port under which older documents know the service.
    pub alias_port: Option<u16>,
    /// Whether it owns a database (named like the service).
    pub database: bool,
    /// Services it calls over HTTP with a service token of that audience.
    pub calls: &'static [&'static str],
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

/// All services, in the order in which they are listed to people.
pub const SERVICES: &[Service] = &[
    Service {
        name: "gateway",
        port: 3000,
        alias_port: None,
        database: false,
        calls: &[],
        publishes: &[],
        consumers: &[],
    },
    Service {
        name: "auth",
        port: 3001,
        alias_port: Some(4001),
        database: true,
        calls: &[],
        publishes: &["user.registered", "user.updated", "user.deleted"],
        consumers: &[],
    },
    Service {
        name: "order",
        port: 3002,
        alias_port: Some(4003),
        database: true,
        calls: &["auth"],
        publishes: &[
            "order.created",
            "order.confirmed",
            "order.shipped",
            "order.delivered",
            "order.cancelled",
            "order.status_updated",
        ],
        consumers: &[],
    },
    Service {
        name: "notification",
        port: 3003,
        alias_port: None,
        database: true,
        calls: &["auth", "order"],
        publishes: &[],
        consumers: &[
            Consumer {
                durable: "notification-orders",
                stream: "ORDERS",
                subjects: &["order.created", "order.shipped"],
            },
            // Its own dead letters, listed and redriven by an administrator. Never `dlx.>`: a dead letter
            // that cannot be recorded would come back as the next one.
            Consumer {
                durable: "notification-dead-letters",
                stream: "DEADLETTERS",
                subjects: &["dlx.order.created.failed", "dlx.order.shipped.failed"],
            },
        ],
    },
];

/// The service of that name.
pub fn service(name: &str) -> Option<&'static Service> {
    SERVICES.iter().find(|service| service.name == name)
}
