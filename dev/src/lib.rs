//! The whole platform in one process, without a cluster.
//!
//! PostgreSQL and nats-server are real, provisioned by the operator's own code with the same roles, identities,
//! keys and tokens as in a cluster; every service runs in this process. Nothing outlives it.

mod platform;
mod ports;
mod ready;
mod stores;

pub use platform::{Mail, Options, Platform, Smtp};
pub use ports::Ports;
