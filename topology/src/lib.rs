//! Every service, port, database, route, stream, subject and consumer of ShopFlow, written once.
//!
//! The operator derives Deployments, Services, database roles, NATS users and permissions, streams,
//! consumers and service-token audiences from these tables; the gateway derives its routes; the services
//! take their names from them. Adding a service is one entry in [`SERVICES`] plus its crate.

mod aggregates;
pub mod events;
mod messaging;
mod routes;
mod services;
mod serving;

pub use aggregates::{AGGREGATES, Aggregate, ORDERS, USERS};
pub use events::Subject;
pub use messaging::{
    ADOPTION, BUCKETS, Bucket, DEAD_LETTER_PREFIX, OUTAGES, REVOCATIONS, STREAMS, Stream, Users, stream_of,
};
pub use routes::{Budget, Route};
pub use services::{Consumer, OBSOLETE_CONSUMERS, ObsoleteConsumer, SERVICES, Service, service};
pub use serving::{
    DRAIN, GRACE_PERIOD, INTERNAL_PORT, MAX_CLIENT_CONNECTIONS, MAX_CONNECTIONS_PER_CLIENT, REQUESTS_END,
    TASKS_END,
};

/// The audience of access tokens that people hold.
pub const ACCESS_TOKEN_AUDIENCE: &str = "shopflow";

/// `sub` of a service token: `service:<name>`.
pub fn service_subject(service: &str) -> String {
    format!("service:{service}")
}

#[cfg(test)]
mod tests;
