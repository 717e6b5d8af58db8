//! Ended spans on their way to a collector (OTLP).

use std::borrow::Cow;
use std::fmt;
use std::time::SystemTime;

use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, Key, KeyValue, Value};
use opentelemetry_otlp::{ExporterBuildError, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{BatchSpanProcessor, SpanData, SpanEvents, SpanLinks, SpanProcessor};
use tracing::field::{Field, Visit};
use url::Url;

use super::fields::EXPORT_ONLY;
use super::trace::TraceContext;
use crate::clock::{Clock, SystemClock};

/// Sends ended spans in batches, from a thread of its own.
pub(super) struct Exporter {
    processor: BatchSpanProcessor,
    scope: InstrumentationScope,
}

/// What is exported of a span besides its ids.
#[derive(Debug)]
pub(super) struct Recorded {
    pub(super) parent: Option<TraceContext>,
    pub(super) parent_is_remote: bool,
    started: SystemTime,
    name: Option<String>,
    kind: SpanKind,
    status: Status,
    attributes: Vec<KeyValue>,
}

impl Exporter {
    /// An exporter to the OTLP/HTTP `endpoint`, for the process of that name.
    pub(super) fn new(service: &str, endpoint: &Url) -> Result<Self, ExporterBuildError> {
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_endpoint(format!("{}/v1/traces", endpoint.as_str().trim_end_matches('/')))
            .build()?;
        let mut processor = BatchSpanProcessor::builder(exporter).build();
        let resource = Resource::builder().with_service_name(format!("shopflow-{service}")).build();
        processor.set_resource(&resource);
        Ok(Self { processor, scope: InstrumentationScope::builder("shopflow").build() })
    }

    /// Hands over a span that ended now. One of a trace that is not recorded is not sent.
    pub(super) fn export(&self, name: &'static str, trace: &TraceContext, recorded: Recorded) {
        if !trace.sampled {
            return;
        }
        let Recorded { parent, parent_is_remote, started, name: given, kind, status, attributes } = recorded;
        self.processor.on_end(SpanData {
            span_context: SpanContext::new(
                TraceId::from_bytes(trace.trace_id.to_be_bytes()),
                SpanId::from_bytes(trace.span_id.to_be_bytes()),
                TraceFlags::SAMPLED,
                false,
                TraceState::default(),
            ),
            parent_span_id: parent
                .map_or(SpanId::INVALID, |parent| SpanId::from_bytes(parent.span_id.to_be_bytes())),
            parent_span_is_remote: parent_is_remote,
            span_kind: kind,
            name: given.map_or(Cow::Borrowed(name), Cow::Owned),
            start_time: started,
            end_time: now(),
            attributes,
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status,
            instrumentation_scope: self.scope.clone(),
        });
    }

    /// Sends what is left.
    pub(super) fn finish(&self) {
        // Failing to export the last spans is no reason to fail at the end.
        let _ = self.processor.shutdown();
    }
}

fn now() -> SystemTime {
    SystemClock.now().into()
}

impl Recorded {
    /// A span that starts now, below `parent` in this process.
    pub(super) fn new(parent: Option<TraceContext>) -> Self {
        Self {
            parent,
            parent_is_remote: false,
            started: now(),
            name: None,
            kind: SpanKind::Internal,
            status: Status::Unset,
            attributes: Vec::new(),
        }
    }

    fn put(&mut self, field: &Field, value: impl Into<Value>) {
        let value = value.into();
        match field.name().strip_prefix(EXPORT_ONLY) {
            Some("name") => self.name = Some(value.as_str().into_owned()),
            Some("kind") => {
                self.kind = match &*value.as_str() {
                    "server" => SpanKind::Server,
                    "client" => SpanKind::Client,
                    "producer" => SpanKind::Producer,
                    "consumer" => SpanKind::Consumer,
                    _ => SpanKind::Internal,
                }
            }
            Some("status_code") if value.as_str() == "ERROR" => self.status = Status::error(""),
            Some(_) => {}
            None => {
                let key = Key::from_static_str(field.name());
                self.attributes.retain(|attribute| attribute.key != key);
                self.attributes.push(KeyValue::new(key, value));
            }
        }
    }
}

impl Visit for Recorded {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        match i64::try_from(value) {
            Ok(value) => self.put(field, value),
            Err(_) => self.put(field, value.to_string()),
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}"));
    }
}
