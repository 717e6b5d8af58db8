//! Logs as JSON lines, traces by OpenTelemetry, W3C trace context in and out.
//!
//! Each span has ids, whatever is logged or exported, so that a trace is continuous through every service.
//! Fields are rendered once, when they are recorded; a line of the log is put together from what is rendered.

mod export;
mod fields;
mod json;
mod layer;
mod line;
mod output;
mod propagation;
mod setup;
#[cfg(test)]
pub(crate) mod testing;
mod trace;

pub use layer::{OUTCOME, REQUEST_SPAN};
pub use propagation::{Carrier, continue_from, outgoing};
pub use setup::{Guard, TelemetryError, init};
pub use trace::TraceContext;

pub(crate) use output::dropped_lines;
pub(crate) use propagation::context_of;

/// Logs what a use case has done, such as `outcome!("order placed", order.id = %id)`. Within a request it adds
/// to the request's own line, with the message as the field `outcome`, instead of writing another one; a second
/// outcome of one request, and one outside a request, is a line of its own.
#[macro_export]
macro_rules! outcome {
    ($message:literal, $($fields:tt)+) => {
        ::tracing::info!(target: $crate::telemetry::OUTCOME, { $($fields)+ }, $message)
    };
}
