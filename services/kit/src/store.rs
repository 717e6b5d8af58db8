//! All SQL of kit.

pub(crate) mod idempotency;
pub(crate) mod jobs;
pub(crate) mod outbox;
pub(crate) mod projection;
