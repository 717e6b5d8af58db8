//! One event a line, as JSON.

use std::fmt;

use chrono::{SecondsFormat, Utc};
use opentelemetry::trace::TraceContextExt;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::{JsonFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormattedFields};
use tracing_subscriber::registry::{LookupSpan, Scope};

/// Writes `timestamp`, `level`, `target`, `service`, `trace_id`, `span_id`, then the fields of the
/// spans around the event from the outside in, then the event's own, `message` among them.
pub(super) struct JsonLines {
    pub(super) service: String,
}

impl<S> FormatEvent<S, JsonFields> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = Fields(Map::new());
        for span in context.event_scope().into_iter().flat_map(Scope::from_root) {
            let extensions = span.extensions();
            if let Some(formatted) = extensions.get::<FormattedFields<JsonFields>>() {
                fields.0.extend(serde_json::from_str::<Map<_, _>>(&formatted.fields).unwrap_or_default());
            }
        }
        // For exporters only.
        fields.0.retain(|name, _| !name.starts_with("otel."));
        event.record(&mut fields);
        self.head(event, &mut fields.0);
        let line = serde_json::to_string(&fields.0).map_err(|_| fmt::Error)?;
        writeln!(writer, "{line}")
    }
}

impl JsonLines {
    fn head(&self, event: &Event<'_>, fields: &mut Map<String, Value>) {
        let mut put = |key: &str, value: String| fields.insert(key.to_owned(), Value::String(value));
        put("timestamp", Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true));
        put("level", event.metadata().level().as_str().to_ascii_lowercase());
        put("target", event.metadata().target().to_owned());
        put("service", self.service.clone());
        let context = opentelemetry::Context::current();
        let span = context.span().span_context().clone();
        if span.is_valid() {
            put("trace_id", span.trace_id().to_string());
            put("span_id", span.span_id().to_string());
        }
    }
}

struct Fields(Map<String, Value>);

impl Fields {
    fn put(&mut self, field: &Field, value: Value) {
        self.0.insert(field.name().to_owned(), value);
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}").into());
    }
}
