//! Headers of event messages, beside the envelope in their body.

/// Id of what the event is about, such as the order: a UUID.
pub const AGGREGATE: &str = "Shopflow-Aggregate";
/// The aggregate's own row version after the event, from 1 upwards: of two events of one aggregate, the one with the
/// larger number is the later one, in whatever order they arrive.
pub const SEQUENCE: &str = "Shopflow-Sequence";
/// W3C Trace Context of whoever published it.
pub const TRACEPARENT: &str = "traceparent";
