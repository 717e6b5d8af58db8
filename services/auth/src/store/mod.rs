//! All SQL. Functions take a connection, so that the caller decides on the transaction.

pub mod failures;
pub mod revocations;
pub mod sessions;
pub mod users;
mod window;

pub use window::{Position, Slice, Window};
