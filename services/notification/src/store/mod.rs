//! All SQL of this service.

pub(crate) mod dead_letters;
pub(crate) mod notifications;
