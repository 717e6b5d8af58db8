//! Starting, serving and stopping.

mod app;
mod serve;
mod shutdown;

pub use app::{App, Task};
pub use serve::{bind, serve};
pub use shutdown::Shutdown;
