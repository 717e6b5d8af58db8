//! What is kept of a span, and what becomes of an event.

use std::sync::Arc;

use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use super::export::{Exporter, Recorded};
use super::fields::Fields;
use super::line::Lines;
use super::trace::TraceContext;

/// Target of events that [`outcome!`](crate::outcome) makes.
pub const OUTCOME: &str = "outcome";
/// Name of the span of a request.
pub const REQUEST_SPAN: &str = "request";
/// Field of the message of an outcome.
const OUTCOME_FIELD: &str = "outcome";

/// Gives spans their ids and fields, writes events as lines, and hands ended spans to the exporter.
///
/// `filter` decides about events alone. Spans of level info and above always exist: a trace and the request's
/// id must not depend on how much is logged.
pub(super) struct Telemetry {
    pub(super) filter: Targets,
    pub(super) lines: Lines,
    pub(super) exporter: Option<Arc<Exporter>>,
}

/// What a span carries.
pub(super) struct SpanState {
    pub(super) trace: TraceContext,
    pub(super) fields: Fields,
    /// What is exported; without an exporter nothing is kept for one.
    recorded: Option<Box<Recorded>>,
}

impl SpanState {
    pub(super) fn continue_from(&mut self, parent: &TraceContext) {
        self.trace = parent.child();
        if let Some(recorded) = &mut self.recorded {
            recorded.parent = Some(parent.clone());
            recorded.parent_is_remote = true;
        }
    }
}

impl Telemetry {
    fn wants(&self, metadata: &Metadata<'_>) -> bool {
        let always = metadata.is_span() && *metadata.level() <= Level::INFO;
        always || self.filter.would_enable(metadata.target(), metadata.level())
    }

    /// Adds an outcome to the request around it. False when there is none, or when it has one already.
    fn add_outcome<S>(event: &Event<'_>, context: &Context<'_, S>) -> bool
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let mut scope = context.event_scope(event).into_iter().flatten();
        let Some(request) = scope.find(|span| span.name() == REQUEST_SPAN) else { return false };
        let mut extensions = request.extensions_mut();
        let Some(state) = extensions.get_mut::<SpanState>() else { return false };
        if state.fields.has(OUTCOME_FIELD) {
            return false;
        }
        event.record(state.fields.call_message(Some(OUTCOME_FIELD)));
        state.fields.call_message(None);
        if let Some(recorded) = &mut state.recorded {
            event.record(recorded.as_mut());
        }
        true
    }
}

impl<S> Layer<S> for Telemetry
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.wants(metadata) { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        self.wants(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        let targets = self.filter.iter().map(|(_, level)| level);
        let most = targets.chain(self.filter.default_level()).max();
        Some(most.unwrap_or(LevelFilter::OFF).max(LevelFilter::INFO))
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let parent =
            span.parent().and_then(|parent| Some(parent.extensions().get::<SpanState>()?.trace.clone()));
        let trace = parent.as_ref().map_or_else(TraceContext::start, TraceContext::child);
        let mut fields = Fields::with_room();
        attributes.record(&mut fields);
        let recorded = self.exporter.as_ref().map(|_| {
            let mut recorded = Box::new(Recorded::new(parent));
            attributes.record(recorded.as_mut());
            recorded
        });
        span.extensions_mut().insert(SpanState { trace, fields, recorded });
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(state) = span.extensions_mut().get_mut::<SpanState>() {
            values.record(&mut state.fields);
            if let Some(recorded) = &mut state.recorded {
                values.record(recorded.as_mut());
            }
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let is_outcome = event.metadata().target() == OUTCOME;
        if !(is_outcome && Self::add_outcome(event, &context)) {
            self.lines.write(event, context.event_scope(event));
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(exporter) = &self.exporter else { return };
        let Some(span) = context.span(&id) else { return };
        if let Some(state) = span.extensions_mut().get_mut::<SpanState>()
            && let Some(recorded) = state.recorded.take()
        {
            exporter.export(span.name(), &state.trace, *recorded);
        }
    }
}
