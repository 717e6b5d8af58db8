//! The API of docs/api.md, example by example, against a whole platform.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod api;
mod client;
mod page;
mod shape;
mod world;
