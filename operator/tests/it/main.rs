//! The operator's halves against real servers.
#![expect(
    clippy::unwrap_used,
    reason = "a failed unwrap is a failed test; the lint's exception does not reach functions outside tests"
)]

mod keys;
mod messaging;
mod postgres;
mod provision;
