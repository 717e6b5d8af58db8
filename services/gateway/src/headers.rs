//! Which headers cross the gateway.

use http::header::{CONNECTION, HeaderMap, HeaderName, HeaderValue};
use kit::telemetry::TraceContext;

use crate::client::Client;

/// The request id's header, both ways.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static(kit::http::REQUEST_ID);

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Whether a header is meant for one connection only (RFC 9110, 7.6.1), or is one that older clients send as such.
fn is_hop_by_hop(name: &str) -> bool {
    matches!(
        name,
        "connection"
            | "keep-alive"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "proxy-connection"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
    )
}

/// Whether a client could pretend by it to be someone, or somewhere, else.
fn is_claim(name: &str) -> bool {
    const PREFIXES: [&str; 3] = ["x-forwarded-", "x-user-", "x-auth-"];
    matches!(
        name,
        "forwarded"
            | "x-real-ip"
            | "x-client-ip"
            | "x-cluster-client-ip"
            | "true-client-ip"
            | "x-original-url"
            | "x-rewrite-url"
    ) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// Turns a client's request headers into those a service gets.
pub(crate) fn prepare_request(headers: &mut HeaderMap, client: &Client) {
    // Ours, set by the outermost layer: no client can have it removed by naming it as one of its connection's.
    let request_id = headers.remove(REQUEST_ID);
    remove_named_by_connection(headers);
    // `Expect` was answered by our own server; `Host` is the service's, set by the connection.
    remove(headers, |name| is_hop_by_hop(name) || is_claim(name) || matches!(name, "expect" | "host"));
    if !headers.get(TRACEPARENT).is_some_and(is_traceparent) {
        headers.remove(TRACEPARENT);
        headers.remove(TRACESTATE);
    }
    if let Ok(address) = HeaderValue::try_from(client.address.to_string()) {
        headers.insert(FORWARDED_FOR, address);
    }
    headers.insert(FORWARDED_PROTO, HeaderValue::from_static(client.scheme));
    if let Some(host) = &client.host {
        headers.insert(FORWARDED_HOST, host.clone());
    }
    if let Some(request_id) = request_id {
        headers.insert(REQUEST_ID, request_id);
    }
    // The gateway's own span becomes the parent; without tracing the client's stays.
    for (name, value) in kit::telemetry::outgoing().iter().flat_map(TraceContext::headers) {
        headers.insert(name, value);
    }
}

/// Turns a service's response headers into those a client gets.
pub(crate) fn prepare_response(headers: &mut HeaderMap) {
    remove_named_by_connection(headers);
    remove(headers, is_hop_by_hop);
    // Set once more, by our own middleware, for every answer alike.
    headers.remove(REQUEST_ID);
    headers.remove(TRACEPARENT);
}

/// Removes the headers that `Connection` names as its own.
fn remove_named_by_connection(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named {
        headers.remove(name);
    }
}

/// Removes headers by their lower-case name, in one walk: looking each possible name up would cost more.
fn remove(headers: &mut HeaderMap, unwanted: impl Fn(&str) -> bool) {
    let unwanted: Vec<HeaderName> = headers.keys().filter(|name| unwanted(name.as_str())).cloned().collect();
    for name in unwanted {
        headers.remove(name);
    }
}

/// Whether a value follows W3C Trace Context, section 3.2: `00-<trace id>-<parent id>-<flags>`.
fn is_traceparent(value: &HeaderValue) -> bool {
    let Ok(text) = value.to_str() else {
        return false;
    };
    let mut parts = text.splitn(5, '-');
    let mut next = || parts.next().unwrap_or_default();
    let (version, trace, parent, flags) = (next(), next(), next(), next());
    let more = parts.next().is_some();
    let is_hex = |part: &str, length: usize| {
        part.len() == length && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_set = |part: &str| part.bytes().any(|byte| byte != b'0');
    is_hex(version, 2)
        && version != "ff"
        // Only versions to come may have more parts.
        && (!more || version != "00")
        && is_hex(trace, 32)
        && is_set(trace)
        && is_hex(parent, 16)
        && is_set(parent)
        && is_hex(flags, 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, value.parse().unwrap());
        }
        map
    }

    fn sent(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let client = Client {
            address: "192.0.2.1".parse().unwrap(),
            scheme: "https",
            host: Some(HeaderValue::from_static("shop.example")),
            shared: false,
        };
        let mut map = headers(pairs);
        // By the outermost layer, before anything else sees the request.
        map.insert(REQUEST_ID, HeaderValue::from_static("request-1"));
        prepare_request(&mut map, &client);
        map
    }

    #[test]
    fn headers_of_one_connection_stay_there() {
        let map = sent(&[
            ("connection", "keep-alive, X-Private"),
            ("connection", "close"),
            ("keep-alive", "timeout=5"),
            ("x-private", "1"),
            ("close", "1"),
            ("te", "trailers"),
            ("trailer", "x"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "websocket"),
            ("proxy-authorization", "Basic x"),
            ("proxy-connection", "close"),
            ("expect", "100-continue"),
            ("authorization", "Bearer x"),
        ]);
        let mut left: Vec<&str> = map.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        let expected =
            ["authorization", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-request-id"];
        assert_eq!(left, expected);
    }

    #[test]
    fn a_client_cannot_claim_an_identity_or_an_origin() {
        let map = sent(&[
            ("x-user-id", "admin"),
            ("x-user-role", "admin"),
            ("x-auth-subject", "admin"),
            ("forwarded", "for=203.0.113.9"),
            ("x-real-ip", "203.0.113.9"),
            ("x-forwarded-for", "203.0.113.9"),
            ("x-forwarded-host", "evil.example"),
            ("x-forwarded-proto", "gopher"),
            ("x-forwarded-port", "1"),
            ("x-forwarded-prefix", "/evil"),
            ("x-original-url", "/admin"),
            ("x-request-id", "theirs"),
            ("host", "evil.example"),
        ]);
        let expected = headers(&[
            ("x-forwarded-for", "192.0.2.1"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "shop.example"),
            ("x-request-id", "request-1"),
        ]);
        assert_eq!(map, expected);
    }

    #[test]
    fn an_own_header_cannot_be_removed_by_naming_it_in_connection() {
        let map = sent(&[("connection", "x-forwarded-for, x-request-id")]);
        assert_eq!(map["x-forwarded-for"], "192.0.2.1");
        assert_eq!(map["x-request-id"], "request-1");
    }

    #[test]
    fn only_a_valid_trace_crosses() {
        let map = sent(&[("traceparent", TRACE), ("tracestate", "a=1")]);
        assert_eq!(
            (&map["traceparent"], &map["tracestate"]),
            (&headers(&[("t", TRACE)])["t"], &HeaderValue::from_static("a=1"))
        );
        for invalid in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01; DROP TABLE",
        ] {
            let map = sent(&[("traceparent", invalid), ("tracestate", "a=1")]);
            assert!(!map.contains_key("traceparent") && !map.contains_key("tracestate"), "{invalid}");
        }
        let later = "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more";
        assert!(sent(&[("traceparent", later)]).contains_key("traceparent"));
    }

    #[test]
    fn an_answer_keeps_all_but_its_connection() {
        let mut map = headers(&[
            ("connection", "close"),
            ("transfer-encoding", "chunked"),
            ("x-request-id", "1"),
            ("etag", "\"1\""),
            ("set-cookie", "a=1"),
            ("set-cookie", "b=2"),
        ]);
        prepare_response(&mut map);
        assert_eq!(map, headers(&[("etag", "\"1\""), ("set-cookie", "a=1"), ("set-cookie", "b=2")]));
    }
}
