//! What every ShopFlow service needs: config, telemetry, lifecycle, problems, auth, paging, outbox, consumers, events.
//!
//! A service is a function from a [`Context`] to a [`lifecycle::App`]: its router and its background
//! tasks. Everything that every service must do alike lives here, once.

pub mod access;
pub mod address;
pub mod adoption;
pub mod auth;
pub mod client;
pub mod clock;
pub mod config;
pub mod consumer;
mod context;
pub mod database;
pub mod dead_letters;
pub mod effects;
pub mod events;
pub mod extract;
pub mod http;
pub mod idempotency;
pub mod jobs;
pub mod lifecycle;
pub mod messaging;
pub mod metrics;
pub mod money;
pub mod openapi;
pub mod outbound;
pub mod outbox;
pub mod paging;
mod panics;
pub mod problem;
pub mod projection;
pub mod readiness;
mod retention;
pub mod service;
mod store;
pub mod telemetry;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod timestamp;
pub mod validation;
pub mod watch;

pub use context::{Context, StartError};
pub use service::Service;
