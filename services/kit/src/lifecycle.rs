//! Starting, serving and stopping.

mod accept;
mod admission;
mod app;
mod connection;
mod guarded;
mod limits;
mod serve;
mod shutdown;

pub use app::{App, Task};
pub use limits::{BodyLimits, Limits};
pub use serve::{Listeners, Serving, bind, serve};
pub use shutdown::Shutdown;
