//! Clients that stop sending or reading, and too many of them.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::{get, post};
use futures::StreamExt as _;
use kit::lifecycle::{BodyLimits, Limits};
use tokio::sync::Notify;

use crate::listening::{Client, limited};
use crate::world::eventually;

const ASK: &str = "GET /health HTTP/1.1\r\nHost: order\r\n\r\n";
const HEALTHY: &str = "{\"status\":\"ok\"}";
const HALF_A_HEAD: &str = "GET /health HTTP/1.1\r\nHost: or";

/// Long enough for what is not under test.
const LONG: Duration = Duration::from_mins(10);
/// Short enough for a test, long enough for a busy machine to get a whole request through.
const SHORT: Duration = Duration::from_secs(1);

fn long() -> Limits {
    let body = BodyLimits { silence: LONG, bytes_per_second: 1 };
    Limits { head: LONG, answer: LONG, idle: LONG, body, ..Limits::default() }
}

fn posting(text: &str, length: usize) -> String {
    format!("POST /echo HTTP/1.1\r\nHost: order\r\nContent-Length: {length}\r\n\r\n{text}")
}

fn echo() -> Router {
    Router::new().route("/echo", post(async |body: Bytes| body))
}

#[tokio::test]
async fn a_head_that_does_not_arrive_ends_its_connection_and_no_other() {
    let service = limited(Limits { head: SHORT, ..long() }, Router::new()).await;
    let mut silent = service.send("").await;
    let mut half = service.send(HALF_A_HEAD).await;
    // The next request of a connection that was used is no different.
    let mut second = service.send(ASK).await;
    second.read_until(HEALTHY).await;
    second.write(HALF_A_HEAD).await;
    let mut resting = service.send(ASK).await;
    resting.read_until(HEALTHY).await;

    for client in [&mut silent, &mut half, &mut second] {
        assert_eq!(client.rest().await, "");
    }
    assert_eq!(service.cut("head").await, 3);
    resting.write(ASK).await;
    resting.read_until(HEALTHY).await;
}

#[tokio::test]
async fn a_head_that_drips_is_cut_like_one_that_stalls() {
    let service = limited(Limits { head: SHORT, ..long() }, Router::new()).await;
    let mut client = service.send("GET /health HTTP/1.1\r\nHost: ").await;
    eventually("it is cut", async || {
        let open = client.drip().await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        !open || service.cut("head").await == 1
    })
    .await;
}

#[tokio::test]
async fn a_body_that_stalls_or_drips_is_answered_408_and_cut() {
    let body = BodyLimits { silence: SHORT, bytes_per_second: 1000 };
    let service = limited(Limits { body, ..long() }, echo()).await;
    let mut stalled = service.send(&posting("12345", 10)).await;
    let answer = stalled.rest().await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.contains("application/problem+json") && answer.contains("connection: close"), "{answer}");

    let mut dripping = service.send(&posting("", 1000)).await;
    eventually("it is cut", async || {
        dripping.drip().await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        service.cut("body").await == 2
    })
    .await;
}

#[tokio::test]
async fn a_slow_upload_that_goes_on_is_taken() {
    // The whole takes longer than the longest silence.
    let body = BodyLimits { silence: 3 * SHORT, bytes_per_second: 100 };
    let service = limited(Limits { head: SHORT, answer: SHORT, idle: SHORT, body, ..long() }, echo()).await;
    let (part, parts) = ("x".repeat(200), 20);
    let mut client = service.send(&posting("", part.len() * parts)).await;
    for _ in 0..parts {
        tokio::time::sleep(Duration::from_millis(200)).await;
        client.write(&part).await;
    }
    let answer = client.read_until(&part).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(service.cut("body").await, 0);
}

#[tokio::test]
async fn a_client_that_reads_nothing_is_cut() {
    let endless = || async {
        Body::from_stream(futures::stream::repeat(Ok::<_, std::convert::Infallible>(Bytes::from(vec![
            b'x';
            65536
        ]))))
    };
    let routes = Router::new().route("/endless", get(endless));
    let service = limited(Limits { answer: SHORT, ..long() }, routes).await;
    let _client = service.send("GET /endless HTTP/1.1\r\nHost: order\r\n\r\n").await;
    service.cuts("answer", 1).await;
    eventually("its connection is gone", async || service.open().await == 0).await;
}

/// A stream that gives one event at the start, and one for each notification.
fn events(next: Arc<Notify>) -> Router {
    let stream = move || {
        let next = next.clone();
        async move {
            let later = futures::stream::unfold(next, |next| async move {
                next.notified().await;
                Some((Ok::<_, std::io::Error>("data: later\n\n"), next))
            });
            let events = futures::stream::once(async { Ok("data: first\n\n") }).chain(later);
            ([("content-type", "text/event-stream")], Body::from_stream(events))
        }
    };
    Router::new().route("/events", get(stream))
}

#[tokio::test]
async fn a_stream_of_events_outlives_every_limit_while_nothing_happens() {
    let next = Arc::new(Notify::new());
    let body = BodyLimits { silence: SHORT, bytes_per_second: 1000 };
    let limits = Limits { head: SHORT, body, answer: SHORT, idle: SHORT, ..Limits::default() };
    let service = limited(limits, events(next.clone())).await;
    let mut listening = service.send("GET /events HTTP/1.1\r\nHost: order\r\n\r\n").await;
    listening.read_until("data: first\n\n\r\n").await;
    // Others come and are cut twice in the meantime.
    for count in 1..=2 {
        let _half = service.send(HALF_A_HEAD).await;
        service.cuts("head", count).await;
    }
    next.notify_one();
    listening.read_until("data: later\n\n\r\n").await;
}

#[tokio::test]
async fn a_stream_of_events_ends_whole_when_the_service_stops() {
    let service = limited(long(), events(Arc::default())).await;
    let mut listening = service.send("GET /events HTTP/1.1\r\nHost: order\r\n\r\n").await;
    listening.read_until("data: first\n\n\r\n").await;
    service.stop().await;
    assert_eq!(listening.rest().await, "0\r\n\r\n");
}

#[tokio::test]
async fn a_connection_that_rests_too_long_is_closed_and_counts_as_no_failure() {
    let service = limited(Limits { idle: SHORT, ..long() }, Router::new()).await;
    let mut client = service.send(ASK).await;
    client.read_until(HEALTHY).await;
    assert_eq!(client.rest().await, "");
    assert_eq!(service.cut("head").await, 0);
}

#[tokio::test]
async fn a_head_that_is_too_long_is_431() {
    let service = limited(Limits { head_bytes: 8 * 1024, ..long() }, Router::new()).await;
    let head = format!("GET /health HTTP/1.1\r\nHost: order\r\nCookie: {}\r\n\r\n", "x".repeat(9000));
    let answer = service.send(&head).await.rest().await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[tokio::test]
async fn where_there_is_no_room_a_client_hears_so_and_resting_connections_make_some() {
    let service = limited(Limits { connections: 3, ..long() }, Router::new()).await;
    let mut resting = service.send(ASK).await;
    resting.read_until(HEALTHY).await;
    let waiting: Vec<Client> = vec![service.send(HALF_A_HEAD).await, service.send(HALF_A_HEAD).await];
    eventually("all have a place", async || service.open().await == 3).await;

    let refused = service.send("").await.rest().await;
    assert!(refused.starts_with("HTTP/1.1 503") && refused.contains("Retry-After: 1"), "{refused}");
    assert_eq!(service.metric("http_connections_refused_total", &["public", "full"]).await, 1);
    assert_eq!(resting.rest().await, "", "its place is needed");
    assert_eq!(service.status("/health").await.unwrap(), 200);
    assert_eq!(service.internal_status("/ready").await.unwrap(), 200, "probes have places of their own");
    drop(waiting);
}

#[tokio::test(flavor = "multi_thread")]
async fn hundreds_of_slow_clients_are_cut_while_others_are_answered() {
    const SLOW: usize = 300;
    let limits =
        Limits { head: 3 * SHORT, body: BodyLimits { silence: 3 * SHORT, bytes_per_second: 1000 }, ..long() };
    let service = limited(limits, echo()).await;
    let mut slow = Vec::new();
    for number in 0..SLOW {
        let start = if number % 2 == 0 { HALF_A_HEAD.to_owned() } else { posting("1", 10) };
        slow.push(service.send(&start).await);
    }
    let mut answered = 0;
    eventually("the slow ones are cut", async || {
        assert_eq!(service.status("/health").await.unwrap(), 200);
        answered += 1;
        service.cut("head").await + service.cut("body").await == SLOW as u64
    })
    .await;
    assert!(answered > 0);
    for mut client in slow {
        client.rest().await;
    }
    eventually("nothing is left of them", async || service.open().await == 0).await;
}
