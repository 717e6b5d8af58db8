//! All SQL. Functions take a connection, so that the use case decides what shares a transaction.

mod document;
mod history;
mod listing;
mod order;

pub(crate) use history::history;
pub(crate) use listing::list;
pub(crate) use order::{NUMBER, after, amend, find, insert, lock, step};
