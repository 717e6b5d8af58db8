//! Every service, port, database, stream, subject and consumer of ShopFlow, written once.
//!
//! The operator derives Deployments, Services, database roles, NATS users and permissions, streams,
//! consumers and service-token audiences from these tables; the services take their names from them.
//! Adding a service is one entry in [`SERVICES`] plus its crate.

mod messaging;
mod services;
mod serving;

pub use messaging::{BUCKETS, Bucket, DEAD_LETTER_PREFIX, STREAMS, Stream, Subject, stream_of};
pub use services::{Consumer, SERVICES, Service, service};
pub use serving::{DRAIN, GRACE_PERIOD, INTERNAL_PORT, REQUESTS_END, TASKS_END};

/// The audience of access tokens that people hold.
pub const ACCESS_TOKEN_AUDIENCE: &str = "shopflow";

/// `sub` of a service token: `service:<name>`.
pub fn service_subject(service: &str) -> String {
    format!("service:{service}")
}

#[cfg(test)]
mod tests;
