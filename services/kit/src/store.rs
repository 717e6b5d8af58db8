//! All SQL of kit: the three tables that every service with a database has.

pub(crate) mod idempotency;
pub(crate) mod inbox;
pub(crate) mod outbox;
pub(crate) mod sweep;

/// The tables `outbox`, `inbox` and `idempotency_keys`, for each service's first migration.
pub(crate) const SCHEMA: &str = include_str!("store/schema.sql");
