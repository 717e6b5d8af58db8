//! Each requirement document's API, example by example, against a whole platform.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod client;
mod dead_letters;
mod document_003;
mod shape;
mod world;
