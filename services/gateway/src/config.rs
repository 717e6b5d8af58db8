//! The settings of the file, as the gateway reads them.

pub use protocol::settings::{Cors, Gateway as Config, RateLimits};
