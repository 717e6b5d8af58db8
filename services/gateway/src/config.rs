//! The settings of the file, as the gateway reads them.

pub(crate) use protocol::settings::CLIENTS_PER_UNDECLARED_ADDRESS;
pub use protocol::settings::{Cors, Gateway as Config, RateLimits};
