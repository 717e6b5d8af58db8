//! W3C trace context (`traceparent`) on its way in and out.

use std::collections::BTreeMap;

use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// Headers that a trace context can be read from.
pub trait Carrier {
    /// Value of a header.
    fn header(&self, name: &str) -> Option<&str>;
}

impl Carrier for http::HeaderMap {
    fn header(&self, name: &str) -> Option<&str> {
        self.get(name)?.to_str().ok()
    }
}

impl Carrier for async_nats::HeaderMap {
    fn header(&self, name: &str) -> Option<&str> {
        self.get(name).map(async_nats::HeaderValue::as_str)
    }
}

/// Makes `span` a child of the remote span that `headers` name. Without one it starts a trace.
pub fn continue_from(span: &Span, headers: &impl Carrier) {
    if headers.header("traceparent").is_some() {
        let parent = TraceContextPropagator::new().extract(&Reader(headers));
        // Fails only when no telemetry is set up, and then there is nothing to continue.
        let _ = span.set_parent(parent);
    }
}

/// The current span's context as headers; empty outside a trace.
pub fn outgoing() -> BTreeMap<String, String> {
    let mut headers = Writer(BTreeMap::new());
    TraceContextPropagator::new().inject_context(&opentelemetry::Context::current(), &mut headers);
    headers.0.retain(|_, value| !value.is_empty());
    headers.0
}

struct Reader<'a, C>(&'a C);

impl<C: Carrier> Extractor for Reader<'_, C> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.header(key)
    }

    fn keys(&self) -> Vec<&str> {
        vec!["traceparent", "tracestate"]
    }
}

struct Writer(BTreeMap<String, String>);

impl Injector for Writer {
    fn set(&mut self, key: &str, value: String) {
        self.0.insert(key.to_owned(), value);
    }
}
