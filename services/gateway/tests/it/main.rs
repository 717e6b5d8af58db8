//! The gateway before services that are not there: requests over real sockets.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod dead_letters;
mod edge;
mod failures;
mod limits;
mod proxying;
mod service;
