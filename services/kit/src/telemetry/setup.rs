//! Setting up logs and traces for the process.

use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::WithExportConfig;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::JsonFields;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::format::JsonLines;
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
    /// The exporter cannot be made.
    #[error("cannot set up the trace exporter")]
    Exporter(#[from] opentelemetry_otlp::ExporterBuildError),
    /// Telemetry is set up once a process.
    #[error("telemetry is set up already")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
}

/// Exports what is left when dropped. Keep it until the process ends.
#[must_use = "traces are exported while it lives"]
pub struct Guard {
    provider: SdkTracerProvider,
}

impl Drop for Guard {
    fn drop(&mut self) {
        // Failing to export the last spans is no reason to fail at the end.
        let _ = self.provider.shutdown();
    }
}

/// Starts logging to standard output, and exporting traces when an endpoint is configured. Traces
/// have ids and are passed on either way. `service` names the process.
pub fn init(service: &str, config: &config::Service) -> Result<Guard, TelemetryError> {
    let (subscriber, guard) = subscriber(service, config, std::io::stdout)?;
    subscriber.try_init()?;
    Ok(guard)
}

fn subscriber<W>(
    service: &str,
    config: &config::Service,
    writer: W,
) -> Result<(impl Subscriber + Send + Sync + 'static, Guard), TelemetryError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_new(&config.log_level)
        .map_err(|source| TelemetryError::Filter { level: config.log_level.clone(), source })?;
    let provider = provider(service, config)?;
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(writer)
        .fmt_fields(JsonFields::new())
        .event_format(JsonLines { service: service.to_owned() });
    let subscriber = tracing_subscriber::registry()
        .with(filter)
        .with(tracing_opentelemetry::layer().with_tracer(provider.tracer("shopflow")))
        .with(lines);
    Ok((subscriber, Guard { provider }))
}

fn provider(service: &str, config: &config::Service) -> Result<SdkTracerProvider, TelemetryError> {
    let resource = Resource::builder().with_service_name(format!("shopflow-{service}")).build();
    let provider = SdkTracerProvider::builder().with_resource(resource);
    let Some(endpoint) = &config.otlp_endpoint else {
        return Ok(provider.build());
    };
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_endpoint(format!("{}/v1/traces", endpoint.as_str().trim_end_matches('/')))
        .build()?;
    Ok(provider.with_batch_exporter(exporter).build())
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use axum::Router;
    use axum::body::Bytes;
    use axum::routing::post;
    use tracing::Instrument;

    use super::*;
    use crate::telemetry::{continue_from, outgoing};

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl Lines {
        fn read(&self) -> Vec<serde_json::Value> {
            let bytes = self.0.lock().unwrap().clone();
            String::from_utf8(bytes)
                .unwrap()
                .lines()
                .map(|line| serde_json::from_str(line).unwrap())
                .collect()
        }
    }

    fn incoming() -> http::HeaderMap {
        let mut headers = http::HeaderMap::new();
        headers.insert("traceparent", PARENT.parse().unwrap());
        headers
    }

    /// What a request does: continue the caller's trace, log, call on.
    async fn work() -> String {
        let span = tracing::info_span!("request", http.route = "/orders/{id}", otel.kind = "server");
        continue_from(&span, &incoming());
        async {
            tracing::info!(order.id = 7, "served \"it\"");
            outgoing()["traceparent"].clone()
        }
        .instrument(span)
        .await
    }

    #[tokio::test]
    async fn a_trace_goes_in_through_the_log_and_out() {
        let lines = Lines::default();
        let writer = lines.clone();
        let config = config::Service::of("order");
        let (subscriber, _guard) = subscriber("order", &config, move || writer.clone()).unwrap();
        let _default = tracing::subscriber::set_default(subscriber);
        let out = work().await;

        let parts: Vec<&str> = out.split('-').collect();
        assert_eq!((parts[0], parts[1], parts[3]), ("00", TRACE, "01"));
        assert_ne!(parts[2], "b7ad6b7169203331", "our own span is the callee's parent");
        let lines = lines.read();
        assert_eq!(lines.len(), 1);
        let line = &lines[0];
        assert_eq!(line["trace_id"], TRACE);
        assert_eq!(line["span_id"], parts[2]);
        assert_eq!(line["service"], "order");
        assert_eq!(line["level"], "info");
        assert_eq!(line["message"], "served \"it\"");
        assert_eq!(line["order.id"], 7);
        assert_eq!(line["http.route"], "/orders/{id}");
        assert!(line.get("otel.kind").is_none());
        assert!(line["timestamp"].as_str().unwrap().ends_with('Z'));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn spans_are_exported_when_an_endpoint_is_configured() {
        let (sender, mut received) = tokio::sync::mpsc::unbounded_channel::<Bytes>();
        let collect = post(async move |body: Bytes| sender.send(body).unwrap());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(axum::serve(listener, Router::new().route("/v1/traces", collect)).into_future());

        let config = config::Service {
            otlp_endpoint: Some(endpoint.parse().unwrap()),
            ..config::Service::of("order")
        };
        let (subscriber, guard) = subscriber("order", &config, std::io::sink).unwrap();
        {
            let _default = tracing::subscriber::set_default(subscriber);
            let span = tracing::info_span!("exported-span");
            continue_from(&span, &incoming());
            span.in_scope(|| ());
        }
        tokio::task::spawn_blocking(move || drop(guard)).await.unwrap();
        let body =
            tokio::time::timeout(std::time::Duration::from_secs(5), received.recv()).await.unwrap().unwrap();
        let contains = |text: &[u8]| body.windows(text.len()).any(|window| window == text);
        assert!(contains(b"exported-span") && contains(b"shopflow-order"));
    }
}
