//! The operator's halves against real servers.
#![expect(
    clippy::unwrap_used,
    reason = "a failed unwrap is a failed test; the lint's exception does not reach functions outside tests"
)]

mod control_plane;
mod deletion;
mod drift;
mod external;
mod keys;
mod kubelet;
mod loss;
mod messaging;
mod migrations;
mod neighbours;
mod platform;
mod postgres;
mod provision;
mod rotation;
mod shop;
mod specs;
mod suspension;
