//! The auth service, asked over HTTP, with a real PostgreSQL and a real NATS server.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod access;
mod administration;
mod aliases;
mod bootstrap_admin;
mod description;
mod exchanges;
mod keys;
mod login;
mod logout;
mod oauth;
mod refresh;
mod register;
mod retention;
mod revocations;
mod service;
mod sessions;
mod snapshot;
mod throttle;
mod upgrade;
mod users;
mod validate;

testing::standard_suite!(crate::service::Samples);
