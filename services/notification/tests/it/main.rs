//! The notification service against a real PostgreSQL and nats-server, a mail server, and stand-ins for the order
//! service, the auth service and Twilio.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has to stop")]

mod api;
mod dead_letters;
mod delivery;
mod migration;
mod service;
#[path = "../smtp_catcher/mod.rs"]
mod smtp_catcher;

testing::standard_suite!(crate::service::Samples);
