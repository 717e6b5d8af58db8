//! Setting up logs and traces for the process.

use std::io::Write;
use std::sync::Arc;

use tracing::Subscriber;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::export::Exporter;
use super::layer::Telemetry;
use super::line::Lines;
use super::output::Output;
use crate::config;

/// Why telemetry could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// `log_level` is no filter.
    #[error("log_level {level:?} is no filter such as info or info,kit=debug")]
    Filter {
        /// What it is.
        level: String,
        /// Why.
        source: tracing_subscriber::filter::ParseError,
    },
    /// The thread that writes the log cannot be started.
    #[error("cannot start the thread that writes the log")]
    Output(#[source] std::io::Error),
    /// The exporter cannot be made.
    #[error("cannot set up the trace exporter")]
    Exporter(#[from] opentelemetry_otlp::ExporterBuildError),
    /// Telemetry is set up once per process.
    #[error("telemetry is set up already")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
}

/// Writes the last lines and exports the last spans when dropped. Keep it until the process ends.
#[must_use = "lines are written and traces exported while it lives"]
pub struct Guard {
    output: Output,
    exporter: Option<Arc<Exporter>>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(exporter) = &self.exporter {
            exporter.finish();
        }
        self.output.finish();
    }
}

/// Starts logging to standard output, and exporting traces when an endpoint is configured. Traces
/// have ids and are passed on either way. `service` names the process.
pub fn init(service: &str, config: &config::Service) -> Result<Guard, TelemetryError> {
    let (subscriber, guard) = subscriber(service, config, std::io::stdout())?;
    subscriber.try_init()?;
    guard.output.count_for_process();
    Ok(guard)
}

pub(super) fn subscriber(
    service: &str,
    config: &config::Service,
    writer: impl Write + Send + 'static,
) -> Result<(impl Subscriber + Send + Sync + 'static, Guard), TelemetryError> {
    let filter: Targets = config
        .log_level
        .parse()
        .map_err(|source| TelemetryError::Filter { level: config.log_level.clone(), source })?;
    let exporter =
        config.otlp_endpoint.as_ref().map(|endpoint| Exporter::new(service, endpoint)).transpose()?;
    let exporter = exporter.map(Arc::new);
    let output = Output::start(writer).map_err(TelemetryError::Output)?;
    let lines = Lines::new(service, output.clone());
    let telemetry = Telemetry { filter, lines, exporter: exporter.clone() };
    Ok((tracing_subscriber::registry().with(telemetry), Guard { output, exporter }))
}

#[cfg(test)]
mod tests;
