//! What a service reads at start: one YAML file, a few environment variables.

mod load;
mod service;

pub use load::{ConfigError, load, load_section};
pub use service::Service;
