//! Which headers cross the gateway.

use http::header::{CONNECTION, HOST, HeaderMap, HeaderName, HeaderValue};

use crate::client::Client;

/// The request id's header, both ways.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static(kit::http::REQUEST_ID);

const TRACEPARENT: &str = "traceparent";
const TRACESTATE: &str = "tracestate";

/// Meant for one connection only (RFC 9110, 7.6.1), plus what older clients send as such.
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// By these a client could pretend to be someone, or somewhere, else.
const CLAIMS: [&str; 7] = [
    "forwarded",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "true-client-ip",
    "x-original-url",
    "x-rewrite-url",
];
const CLAIM_PREFIXES: [&str; 3] = ["x-forwarded-", "x-user-", "x-auth-"];

/// Turns a client's request headers into those a service gets.
pub(crate) fn prepare_request(headers: &mut HeaderMap, client: &Client, request_id: Option<HeaderValue>) {
    remove_hop_by_hop(headers);
    remove_claims(headers);
    // `Expect` was answered by our own server; `Host` is the service's, set by the connection.
    headers.remove(http::header::EXPECT);
    headers.remove(HOST);
    if !headers.get(TRACEPARENT).is_some_and(is_traceparent) {
        headers.remove(TRACEPARENT);
        headers.remove(TRACESTATE);
    }
    set(headers, "x-forwarded-for", &client.address.to_string());
    set(headers, "x-forwarded-proto", client.scheme);
    if let Some(host) = &client.host {
        set(headers, "x-forwarded-host", host);
    }
    if let Some(request_id) = request_id {
        headers.insert(REQUEST_ID, request_id);
    }
    // The gateway's own span becomes the parent; without tracing the client's stays.
    for (name, value) in kit::telemetry::outgoing() {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.insert(name, value);
        }
    }
}

/// Turns a service's response headers into those a client gets.
pub(crate) fn prepare_response(headers: &mut HeaderMap) {
    remove_hop_by_hop(headers);
    // Set once more, by our own middleware, for every answer alike.
    headers.remove(REQUEST_ID);
    headers.remove(TRACEPARENT);
}

fn set(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

fn remove_hop_by_hop(headers: &mut HeaderMap) {
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
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
}

fn remove_claims(headers: &mut HeaderMap) {
    let claims: Vec<HeaderName> = headers
        .keys()
        .filter(|name| CLAIM_PREFIXES.iter().any(|prefix| name.as_str().starts_with(prefix)))
        .cloned()
        .collect();
    for name in claims {
        headers.remove(name);
    }
    for name in CLAIMS {
        headers.remove(name);
    }
}

/// Whether a value follows W3C Trace Context, section 3.2: `00-<trace id>-<parent id>-<flags>`.
fn is_traceparent(value: &HeaderValue) -> bool {
    let Ok(text) = value.to_str() else {
        return false;
    };
    let parts: Vec<&str> = text.split('-').collect();
    let [version, trace, parent, flags, rest @ ..] = parts.as_slice() else {
        return false;
    };
    let is_hex = |part: &str, length: usize| {
        part.len() == length && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_set = |part: &str| part.bytes().any(|byte| byte != b'0');
    is_hex(version, 2)
        && *version != "ff"
        // Only versions to come may have more parts.
        && (rest.is_empty() || *version != "00")
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
            host: Some("shop.example".to_owned()),
        };
        let mut map = headers(pairs);
        prepare_request(&mut map, &client, Some(HeaderValue::from_static("request-1")));
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
