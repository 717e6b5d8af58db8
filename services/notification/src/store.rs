//! All SQL of this service.

pub(crate) mod notifications;
