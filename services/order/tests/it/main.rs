//! The order service's behaviour, over a real PostgreSQL.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should fail where it stands")]

mod access;
mod amend;
mod api;
mod cancel;
mod configuration;
mod events;
mod idempotency;
mod list;
mod number;
mod place;
mod service;
mod snapshot;
mod status;

testing::standard_suite!(crate::service::Samples);
