use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use proptest::prelude::*;
use serde_json::{Value, json};
use tracing::Instrument;
use tracing::subscriber::with_default;

use super::*;
use crate::telemetry::testing::Log;
use crate::telemetry::{continue_from, outgoing};

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// What `log` writes at this level, as text.
fn text(log_level: &str, log: impl FnOnce()) -> String {
    let written = Log::start(log_level);
    log();
    written.text()
}

/// What `log` writes at this level, a value per line.
fn lines(log_level: &str, log: impl FnOnce()) -> Vec<Value> {
    let written = Log::start(log_level);
    log();
    written.lines()
}

fn incoming() -> http::HeaderMap {
    let mut headers = http::HeaderMap::new();
    headers.insert("traceparent", PARENT.parse().unwrap());
    headers.insert("tracestate", "vendor=1".parse().unwrap());
    headers
}

/// The span of a request that continues another's trace.
fn request() -> tracing::Span {
    let span = tracing::info_span!("request", http.route = "/orders/{id}", otel.kind = "server");
    continue_from(&span, &incoming());
    span
}

#[test]
fn a_trace_goes_in_through_the_log_and_out() {
    let mut out = Vec::new();
    let lines = lines("info", || {
        request().in_scope(|| {
            tracing::info!(order.id = 7, "served \"it\"");
            out = outgoing().unwrap().texts().collect();
        });
    });
    assert_eq!(out[1], ("tracestate", "vendor=1".to_owned()));
    let parts: Vec<&str> = out[0].1.split('-').collect();
    assert_eq!((out[0].0, parts[0], parts[1], parts[3]), ("traceparent", "00", TRACE, "01"));
    assert_ne!(parts[2], "b7ad6b7169203331", "our own span is the callee's parent");
    assert_eq!(lines.len(), 1);
    let line = &lines[0];
    assert_eq!(line["trace_id"], TRACE);
    assert_eq!(line["span_id"], parts[2]);
    assert_eq!(line["service"], "order");
    assert_eq!(line["level"], "info");
    assert_eq!(line["target"], module_path!());
    assert_eq!(line["message"], "served \"it\"");
    assert_eq!(line["order.id"], 7);
    assert_eq!(line["http.route"], "/orders/{id}");
    assert!(line.get("otel.kind").is_none());
    assert!(line["timestamp"].as_str().unwrap().ends_with('Z'));
}

#[tokio::test]
async fn a_trace_stays_with_its_task() {
    let config = config::Service::of("order");
    let (subscriber, _guard) = subscriber("order", &config, std::io::sink()).unwrap();
    let _default = tracing::subscriber::set_default(subscriber);
    let work = async {
        tokio::task::yield_now().await;
        outgoing().unwrap().traceparent()
    };
    let (first, second) = tokio::join!(work.instrument(request()), async { outgoing() });
    assert!(first.contains(TRACE));
    assert_eq!(second, None, "outside a span there is no trace");
}

#[test]
fn the_least_severe_level_that_is_logged_does_not_end_traces() {
    for level in ["warn", "error", "off", "order=debug"] {
        let mut out = None;
        let lines = lines(level, || {
            request().in_scope(|| {
                tracing::info!("not logged");
                out = outgoing();
            });
        });
        assert!(out.unwrap().traceparent().contains(TRACE), "{level}");
        assert!(lines.is_empty(), "{level}: {lines:?}");
    }
}

#[test]
fn a_warning_names_its_request_whatever_is_logged() {
    let lines = lines("warn", || request().in_scope(|| tracing::warn!("odd")));
    assert_eq!(lines[0]["http.route"], "/orders/{id}");
    assert_eq!(lines[0]["trace_id"], TRACE);
}

#[test]
fn levels_are_chosen_per_target() {
    let count = |level| {
        let log = || {
            tracing::debug!(target: "order::app", "detail");
            tracing::debug!(target: "sqlx", "detail");
        };
        lines(level, log).len()
    };
    assert_eq!(
        (count("info"), count("info,order=debug"), count("debug"), count("debug,sqlx=warn")),
        (0, 1, 2, 1)
    );
    let config = config::Service { log_level: "order=loud".to_owned(), ..config::Service::of("order") };
    assert!(matches!(subscriber("order", &config, std::io::sink()), Err(TelemetryError::Filter { .. })));
}

#[test]
fn the_fields_of_the_innermost_win_and_each_stands_once() {
    let text = text("info", || {
        let outer = tracing::info_span!("outer", a = 1, b = 1, c = 1, trace_id = "forged");
        let inner =
            outer.in_scope(|| tracing::info_span!("inner", b = 2, c = 2, late = tracing::field::Empty));
        inner.record("late", true);
        inner.record("b", 3);
        inner.in_scope(|| tracing::info!(c = 4, level = "forged", timestamp = "forged", "m"));
    });
    let line: Value = serde_json::from_str(&text).unwrap();
    for (name, value) in
        [("a", json!(1)), ("b", json!(3)), ("c", json!(4)), ("late", json!(true)), ("level", json!("info"))]
    {
        assert_eq!(line[name], value, "{name}");
        assert_eq!(text.matches(&format!("\"{name}\":")).count(), 1, "{text}");
    }
    assert!(!text.contains("forged"), "{text}");
}

#[test]
fn every_kind_of_value_is_written_as_itself() {
    let lines = lines("info", || {
        let error = std::io::Error::other("no\nroom");
        tracing::info!(
            float = 0.5,
            whole = 2.0,
            nothing = f64::NAN,
            negative = -3,
            large = u64::MAX,
            huge = u128::MAX,
            yes = true,
            text = "a\"b\\c\u{1}",
            shown = %"x\ty",
            debugged = ?Some("z"),
            error = &error as &dyn std::error::Error,
            "é😀"
        );
    });
    let expected = json!({
        "float": 0.5, "whole": 2.0, "nothing": null, "negative": -3, "large": u64::MAX,
        "huge": u128::MAX.to_string(), "yes": true, "text": "a\"b\\c\u{1}", "shown": "x\ty",
        "debugged": "Some(\"z\")", "error": "no\nroom", "message": "é😀",
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&lines[0][name], value, "{name}");
    }
}

#[test]
fn a_value_that_logs_while_it_is_displayed_is_written() {
    struct Chatty;
    impl std::fmt::Display for Chatty {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            tracing::info!("inner");
            f.write_str("outer")
        }
    }
    let lines = lines("info", || tracing::info!("{Chatty}"));
    // The inner one is written only by a subscriber of the whole process.
    assert_eq!(lines.last().unwrap()["message"], "outer");
}

#[test]
fn an_outcome_joins_the_line_of_its_request() {
    let lines = lines("info", || {
        crate::outcome!("outside", order.id = 1);
        let span = tracing::info_span!("request", http.route = "/orders");
        span.in_scope(|| {
            tracing::info_span!("inner").in_scope(|| crate::outcome!("order placed", order.id = 2));
            crate::outcome!("another", order.id = 3);
            tracing::info!(duration_ms = 1.5, "served");
        });
    });
    let shown: Vec<_> = lines
        .iter()
        .map(|line| (line["message"].clone(), line["outcome"].clone(), line["order.id"].clone()))
        .collect();
    assert_eq!(
        shown,
        [
            (json!("outside"), Value::Null, json!(1)),
            (json!("another"), json!("order placed"), json!(3)),
            (json!("served"), json!("order placed"), json!(2)),
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_are_exported_when_an_endpoint_is_configured() {
    let (sender, mut received) = tokio::sync::mpsc::unbounded_channel::<Bytes>();
    let collect = post(async move |body: Bytes| sender.send(body).unwrap());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, Router::new().route("/v1/traces", collect)).into_future());

    let config =
        config::Service { otlp_endpoint: Some(endpoint.parse().unwrap()), ..config::Service::of("order") };
    let (subscriber, guard) = subscriber("order", &config, std::io::sink()).unwrap();
    let mut own = String::new();
    with_default(subscriber, || {
        let span = tracing::info_span!(
            "request",
            otel.name = "GET /exported",
            otel.status_code = tracing::field::Empty,
            http.route = "/exported"
        );
        continue_from(&span, &incoming());
        span.record("otel.status_code", "ERROR");
        own = span.in_scope(|| outgoing().unwrap().traceparent());
        let unsampled = tracing::info_span!("unsampled-span");
        let mut headers = http::HeaderMap::new();
        headers.insert("traceparent", PARENT.replace("-01", "-00").parse().unwrap());
        continue_from(&unsampled, &headers);
    });
    tokio::task::spawn_blocking(move || drop(guard)).await.unwrap();
    let body =
        tokio::time::timeout(std::time::Duration::from_secs(5), received.recv()).await.unwrap().unwrap();
    let contains = |bytes: &[u8]| body.windows(bytes.len()).any(|window| window == bytes);
    assert!(contains(b"GET /exported") && contains(b"shopflow-order") && contains(b"http.route"));
    let id = |text: &str| {
        let bytes = (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap());
        bytes.collect::<Vec<u8>>()
    };
    assert!(
        contains(&id(TRACE)) && contains(&id("b7ad6b7169203331")),
        "in the caller's trace, below its span"
    );
    assert!(contains(&id(own.split('-').nth(2).unwrap())), "by the id that callees are given");
    // Field 15 of a span is its status (3), whose field 3 is the code: 2 is an error.
    assert!(contains(&[0x7a, 2, 0x18, 2]), "a failed request is marked");
    assert!(!contains(b"unsampled-span") && !contains(b"otel."));
}

proptest! {
    #[test]
    fn every_line_is_one_valid_object(
        fields in prop::collection::vec(any::<String>(), 4),
        number in any::<f64>(),
        level in prop::sample::select(vec!["info", "trace"])
    ) {
        let text = text(level, || {
            let span = tracing::info_span!("request", first = %fields[0], second = fields[1]);
            span.in_scope(|| tracing::info!(third = ?fields[2], number, "{}", fields[3]));
        });
        prop_assert_eq!(text.lines().count(), 1);
        prop_assert!(text.ends_with("}\n"), "{}", text);
        let line: Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(line["first"].as_str().unwrap(), &fields[0]);
        prop_assert_eq!(line["second"].as_str().unwrap(), &fields[1]);
        prop_assert_eq!(line["third"].as_str().unwrap(), format!("{:?}", fields[2]));
        prop_assert_eq!(line["message"].as_str().unwrap(), &fields[3]);
    }
}
