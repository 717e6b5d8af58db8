//! W3C trace context (`traceparent`) on its way in and out.

use tracing::{Span, dispatcher};
use tracing_subscriber::Registry;
use tracing_subscriber::registry::LookupSpan;

use super::layer::SpanState;
use super::trace::TraceContext;

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

/// Makes `span` a child of the remote span that `headers` name. Without a valid one it stays in its own trace.
pub fn continue_from(span: &Span, headers: &impl Carrier) {
    let parent = headers
        .header("traceparent")
        .and_then(|parent| TraceContext::read(parent, headers.header("tracestate")));
    if let Some(parent) = parent {
        span.with_subscriber(|(id, dispatch)| {
            if let Some(span) = dispatch.downcast_ref::<Registry>().and_then(|registry| registry.span(id))
                && let Some(state) = span.extensions_mut().get_mut::<SpanState>()
            {
                state.continue_from(&parent);
            }
        });
    }
}

/// Where the current span stands in its trace; `None` outside a trace.
pub fn outgoing() -> Option<TraceContext> {
    dispatcher::get_default(|dispatch| {
        let registry = dispatch.downcast_ref::<Registry>()?;
        let current = tracing::Subscriber::current_span(registry);
        Some(registry.span(current.id()?)?.extensions().get::<SpanState>()?.trace.clone())
    })
}

/// Where `span` stands in its trace.
pub(crate) fn context_of(span: &Span) -> Option<TraceContext> {
    span.with_subscriber(|(id, dispatch)| {
        let registry = dispatch.downcast_ref::<Registry>()?;
        Some(registry.span(id)?.extensions().get::<SpanState>()?.trace.clone())
    })?
}
