//! The one binary that holds every service.
//!
//! [`start`] runs one service, [`migrate`] prepares its database, [`openapi`] describes it. The binary gives
//! these to people by name, and `dev` runs all of them in one process.

mod configuration;
mod migrate;
mod services;
mod start;

pub use configuration::{ConfigurationError, configuration, refuse_shared_database};
pub use migrate::migrate;
pub use services::{ServiceError, names, openapi, select, settings};
pub use start::{Running, start};
