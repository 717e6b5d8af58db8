//! Ids of a trace (W3C Trace Context, level 1).

use std::sync::Arc;

use http::{HeaderName, HeaderValue};

/// Header of the ids.
pub(super) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// Header of what vendors add.
pub(super) const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// Characters of a `traceparent` of version 00.
const LENGTH: usize = 55;
/// Longer ones need not be passed on (section 3.3.1.5).
const MAX_STATE: usize = 512;

/// Where a span stands in its trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext {
    pub(super) trace_id: u128,
    pub(super) span_id: u64,
    /// Whether the trace is recorded.
    pub(super) sampled: bool,
    /// What vendors added, passed on as it is.
    state: Option<Arc<str>>,
}

impl TraceContext {
    /// The first span of a trace.
    pub(super) fn start() -> Self {
        Self { trace_id: random(), span_id: random_span(), sampled: true, state: None }
    }

    /// A span below this one.
    pub(super) fn child(&self) -> Self {
        Self { span_id: random_span(), ..self.clone() }
    }

    /// Reads the two headers; `None` when the first is not valid.
    pub(super) fn read(traceparent: &str, tracestate: Option<&str>) -> Option<Self> {
        let (version, rest) = (hex::<2>(traceparent, 0)?, traceparent.get(LENGTH..)?);
        // Only versions to come may say more.
        if version == 0xff
            || (version == 0 && !rest.is_empty())
            || !(rest.is_empty() || rest.starts_with('-'))
        {
            return None;
        }
        let bytes = traceparent.as_bytes();
        if [2, 35, 52].iter().any(|&dash| bytes[dash] != b'-') {
            return None;
        }
        let trace_id = hex::<32>(traceparent, 3)?;
        let span_id = u64::try_from(hex::<16>(traceparent, 36)?).ok()?;
        let flags = hex::<2>(traceparent, 53)?;
        let valid = trace_id != 0 && span_id != 0;
        let state = tracestate.filter(|state| !state.is_empty() && state.len() <= MAX_STATE).map(Arc::from);
        valid.then_some(Self { trace_id, span_id, sampled: flags & 1 == 1, state })
    }

    /// Value of `traceparent`.
    pub fn traceparent(&self) -> String {
        format!("00-{:032x}-{:016x}-{:02x}", self.trace_id, self.span_id, u8::from(self.sampled))
    }

    /// The headers that pass the trace on over HTTP.
    pub fn headers(&self) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        // 55 characters of hexadecimal digits and dashes, and a state that came as a header.
        let parent = HeaderValue::try_from(self.traceparent()).ok();
        let state = self.state.as_deref().and_then(|state| HeaderValue::from_str(state).ok());
        [(TRACEPARENT, parent), (TRACESTATE, state)]
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
    }

    /// The headers that pass the trace on in a message.
    pub fn texts(&self) -> impl Iterator<Item = (&'static str, String)> {
        let state = self.state.as_deref().map(|state| ("tracestate", state.to_owned()));
        [("traceparent", self.traceparent())].into_iter().chain(state)
    }
}

/// The lower-case hexadecimal number of `N` digits at `start`.
fn hex<const N: usize>(text: &str, start: usize) -> Option<u128> {
    let digits = text.as_bytes().get(start..start + N)?;
    digits.iter().try_fold(0_u128, |number, digit| {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u128::from(digit))
    })
}

/// Never zero, which stands for no id.
fn random() -> u128 {
    rand::random::<u128>().max(1)
}

fn random_span() -> u64 {
    rand::random::<u64>().max(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_context_is_read_and_written_alike() {
        let context = TraceContext::read(PARENT, Some("a=1,b=2")).unwrap();
        assert_eq!(context.traceparent(), PARENT);
        let texts: Vec<_> = context.texts().collect();
        assert_eq!(texts, [("traceparent", PARENT.to_owned()), ("tracestate", "a=1,b=2".to_owned())]);
        let headers: Vec<_> = context.headers().collect();
        assert_eq!(headers.len(), 2);
        assert_eq!(headers[0].1, PARENT);
        assert_eq!(headers[1].1, "a=1,b=2");
    }

    #[test]
    fn a_child_is_another_span_of_the_same_trace() {
        let parent = TraceContext::read(PARENT, Some("a=1")).unwrap();
        let child = parent.child();
        assert_ne!(child.span_id, parent.span_id);
        assert_eq!(TraceContext { span_id: parent.span_id, ..child }, parent);
        assert_ne!(TraceContext::start().trace_id, TraceContext::start().trace_id);
    }

    #[test]
    fn what_is_not_sampled_stays_so() {
        let context = TraceContext::read(&PARENT.replace("-01", "-00"), None).unwrap();
        assert!(!context.child().sampled);
        assert!(context.child().traceparent().ends_with("-00"));
        assert!(TraceContext::read(&PARENT.replace("-01", "-03"), None).unwrap().sampled, "one bit says it");
    }

    #[test]
    fn only_what_the_standard_allows_is_read() {
        for invalid in [
            "",
            "00",
            &PARENT[..54],
            &PARENT.to_uppercase(),
            &format!("{PARENT}-more"),
            &format!("{PARENT}1"),
            &PARENT.replace("00-0a", "ff-0a"),
            &PARENT.replace("00-0a", "0x-0a"),
            &PARENT.replace('-', "_"),
            &PARENT.replace("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32)),
            &PARENT.replace("b7ad6b7169203331", &"0".repeat(16)),
            &format!("01{}x", &PARENT[2..]),
            &format!("é{}", &PARENT[2..]),
        ] {
            assert_eq!(TraceContext::read(invalid, None), None, "{invalid}");
        }
        for later in [format!("01{}", &PARENT[2..]), format!("01{}-more", &PARENT[2..])] {
            assert_eq!(TraceContext::read(&later, None).unwrap().traceparent(), PARENT, "{later}");
        }
    }

    #[test]
    fn a_state_that_is_too_long_is_left_out() {
        for (length, kept) in [(0, false), (512, true), (513, false)] {
            let context = TraceContext::read(PARENT, Some(&"a".repeat(length))).unwrap();
            assert_eq!(context.texts().count() == 2, kept, "{length}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text: String) {
            let _ = TraceContext::read(&text, Some(&text));
        }

        #[test]
        fn every_context_is_read_back(trace_id in 1_u128.., span_id in 1_u64.., sampled: bool) {
            let context = TraceContext { trace_id, span_id, sampled, state: None };
            prop_assert_eq!(TraceContext::read(&context.traceparent(), None).unwrap(), context);
        }
    }
}
