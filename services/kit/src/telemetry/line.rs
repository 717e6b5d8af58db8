//! One event as one line of JSON.

use std::cell::RefCell;
use std::fmt::Write as _;

use tracing::{Event, Level};
use tracing_subscriber::registry::{Extensions, LookupSpan, Scope, SpanRef};

use super::fields::Fields;
use super::json;
use super::layer::SpanState;
use super::output::Output;
use crate::clock::{Clock as _, SystemClock};
use crate::timestamp::Timestamp;

/// What each line begins with; fields of the same name are left out.
const HEAD: [&str; 6] = ["timestamp", "level", "target", "service", "trace_id", "span_id"];
/// A thread keeps buffers up to this size for its next line.
const KEPT: usize = 16 * 1024;

/// Writes `timestamp`, `level`, `target`, `service`, `trace_id`, `span_id`, then the fields of the
/// spans around the event from the outside in, then the event's own, `message` among them. Of two fields
/// with one name the inner one is written.
pub(super) struct Lines {
    /// `,"service":"…"`.
    service: String,
    output: Output,
}

#[derive(Default)]
struct Buffers {
    line: String,
    fields: Fields,
}

thread_local! {
    static BUFFERS: RefCell<Buffers> = RefCell::default();
}

impl Lines {
    pub(super) fn new(service: &str, output: Output) -> Self {
        let mut rendered = ",\"service\":".to_owned();
        json::string(&mut rendered, service);
        Self { service: rendered, output }
    }

    pub(super) fn write<S>(&self, event: &Event<'_>, scope: Option<Scope<'_, S>>)
    where
        S: for<'a> LookupSpan<'a>,
    {
        BUFFERS.with(|buffers| match buffers.try_borrow_mut() {
            Ok(mut buffers) => self.write_with(&mut buffers, event, scope),
            // A value that logs while it is being displayed.
            Err(_) => self.write_with(&mut Buffers::default(), event, scope),
        });
    }

    fn write_with<S>(&self, buffers: &mut Buffers, event: &Event<'_>, scope: Option<Scope<'_, S>>)
    where
        S: for<'a> LookupSpan<'a>,
    {
        let Buffers { line, fields } = buffers;
        line.clear();
        fields.clear();
        // First, because its fields hide those of the spans around it.
        event.record(fields);
        self.head(line, event);
        if let Some(scope) = scope {
            spans(line, fields, scope);
        }
        for (_, part) in fields.parts().filter(|(name, _)| !HEAD.contains(name)) {
            line.push_str(part);
        }
        line.push_str("}\n");
        self.output.write(line.as_bytes());
        if line.capacity() > KEPT {
            *buffers = Buffers::default();
        }
    }

    fn head(&self, line: &mut String, event: &Event<'_>) {
        let metadata = event.metadata();
        line.push_str("{\"timestamp\":\"");
        Timestamp::of(SystemClock.now()).write(|text| line.push_str(text));
        line.push_str("\",\"level\":\"");
        line.push_str(level(*metadata.level()));
        line.push_str("\",\"target\":");
        json::string(line, metadata.target());
        line.push_str(&self.service);
    }
}

/// The ids of the innermost span, and the fields of all of them.
fn spans<S>(line: &mut String, event: &Fields, scope: Scope<'_, S>)
where
    S: for<'a> LookupSpan<'a>,
{
    let spans: Vec<_> = scope.collect();
    if let Some(SpanState { trace, .. }) =
        spans.first().map(SpanRef::extensions).as_ref().and_then(Extensions::get)
    {
        let _ =
            write!(line, ",\"trace_id\":\"{:032x}\",\"span_id\":\"{:016x}\"", trace.trace_id, trace.span_id);
    }
    for (depth, span) in spans.iter().enumerate().rev() {
        let extensions = span.extensions();
        let Some(state) = extensions.get::<SpanState>() else { continue };
        let hidden = |name: &str| {
            let has = |state: &SpanState| state.fields.has(name);
            let mut inner = spans[..depth].iter();
            HEAD.contains(&name)
                || event.has(name)
                || inner.any(|span| span.extensions().get().is_some_and(has))
        };
        for (_, part) in state.fields.parts().filter(|(name, _)| !hidden(name)) {
            line.push_str(part);
        }
    }
}

fn level(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    }
}
