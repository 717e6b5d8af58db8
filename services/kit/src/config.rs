//! What a service reads at start: one YAML file, a few environment variables.

mod load;

pub use load::{ConfigError, load_section};
pub use protocol::settings::Service;
