//! Behaviour of kit against a real PostgreSQL and nats-server.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod connections;
mod context;
mod database;
mod http;
mod idempotency;
mod inbox;
mod jobs;
mod keys;
mod lifecycle;
mod listening;
mod migrations;
mod outbound;
mod outbox;
mod outbox_faults;
mod paging;
mod projection;
mod readiness;
mod revocations;
mod service_client;
mod silence;
mod transaction;
mod world;
