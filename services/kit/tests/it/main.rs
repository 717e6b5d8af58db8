//! Behaviour of kit against a real PostgreSQL and nats-server.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod connections;
mod database;
mod http;
mod idempotency;
mod inbox;
mod keys;
mod lifecycle;
mod listening;
mod outbound;
mod outbox;
mod readiness;
mod service_client;
mod silence;
mod world;
