//! The auth service, asked over HTTP, with a real PostgreSQL and a real NATS server.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod administration;
mod administrator;
mod aliases;
mod description;
mod housekeeping;
mod keys;
mod login;
mod logout;
mod oauth;
mod refresh;
mod register;
mod revocations;
mod sessions;
mod support;
mod throttle;
mod users;
mod validate;
