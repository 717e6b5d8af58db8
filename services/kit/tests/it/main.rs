//! Behaviour of kit against a real PostgreSQL and nats-server.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod connections;
mod consumer;
mod context;
mod database;
mod dead_letters;
mod effects;
mod http;
mod idempotency;
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
mod stage;
mod transaction;
mod world;
