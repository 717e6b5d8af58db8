//! Runs a service for its tests.
//!
//! [`TestService`] is a service on a database of its own, with a clock that a test moves. A [`Caller`] asks it, and each
//! [`Answer`] is held against the description of the API before the test sees it. [`standard_suite!`] asks what every
//! service must do alike.

#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot go on has to stop")]

mod answer;
mod caller;
mod client;
mod contract;
mod described;
mod remote;
mod service;
pub mod suite;

pub use answer::Answer;
pub use caller::{Caller, admin, jane, john};
pub use client::Client;
pub use described::Described;
pub use kit::testing::{AccessToken, ISSUER, Keys};
pub use service::{Addresses, Setup, TestService, database};
