//! Logs: one event a line, as JSON.

use tracing_subscriber::EnvFilter;

/// Starts logging. `level` is a filter such as `info` or `info,shopflow_operator=debug`.
pub fn init(level: &str) {
    let filter = EnvFilter::try_new(level).unwrap_or_else(|_| EnvFilter::new("info"));
    // A second start, in tests, keeps the first.
    let _ = tracing_subscriber::fmt().json().flatten_event(true).with_env_filter(filter).try_init();
}
