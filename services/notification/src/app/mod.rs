//! Use cases.

pub(crate) mod dead_letters;
pub(crate) mod deliver;
pub(crate) mod list;
pub(crate) mod sources;
