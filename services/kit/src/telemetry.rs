//! Logs as JSON lines, traces by OpenTelemetry, W3C trace context in and out.

mod format;
mod propagation;
mod setup;

pub use propagation::{Carrier, continue_from, outgoing};
pub use setup::{Guard, TelemetryError, init};
