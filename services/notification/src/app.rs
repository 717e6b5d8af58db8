//! What the service does.

pub(crate) mod list;
pub(crate) mod plan;
pub(crate) mod send;
pub(crate) mod upstreams;
