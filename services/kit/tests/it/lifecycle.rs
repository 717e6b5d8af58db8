//! Starting and stopping without a failed request.

use std::sync::Mutex;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use kit::lifecycle::Serving;
use tokio::sync::oneshot;

use crate::listening::{Service, patient};
use crate::world::{LIMIT, Shared, eventually};

const ASK: &str = "GET /health HTTP/1.1\r\nHost: order\r\n\r\n";
const HEALTHY: &str = "{\"status\":\"ok\"}";

/// A request that takes a while, and counts when it begins.
fn slow(started: Shared<u32>) -> Router {
    let slow = get(async move || {
        *started.lock().unwrap() += 1;
        tokio::time::sleep(Duration::from_millis(700)).await;
        "done"
    });
    Router::new().route("/slow", slow)
}

#[tokio::test]
async fn stopping_turns_away_first_then_finishes_and_tasks_end_last() {
    let started = Shared::<u32>::default();
    let (ended, end) = oneshot::channel::<()>();
    let ended = Mutex::new(Some(ended));
    let serving = Serving { drain: Duration::from_secs(1), ..Serving::default() };
    let service = Service::start(serving, slow(started.clone()), |app| {
        app.task("relay", move |shutdown| {
            let ended = ended.lock().unwrap().take();
            async move {
                shutdown.requested().await;
                ended.unwrap().send(()).unwrap();
                Ok(())
            }
        })
    })
    .await;
    assert_eq!(service.internal_status("/ready").await.unwrap(), 200);

    service.shutdown.trigger();
    assert_eq!(service.internal_status("/ready").await.unwrap(), 503, "no new traffic, please");
    assert_eq!(service.status("/health").await.unwrap(), 200, "but what comes is served");
    let slow = tokio::spawn(reqwest::get(format!("http://{}/slow", service.address)));
    eventually("the slow request arrived", async || *started.lock().unwrap() == 1).await;
    assert_eq!(slow.await.unwrap().unwrap().text().await.unwrap(), "done");
    let (address, internal) = (service.address, service.internal);
    service.stop().await;
    end.await.expect("the task ended in good order");
    for address in [address, internal] {
        assert!(reqwest::get(format!("http://{address}/health")).await.is_err(), "nobody listens any more");
    }
}

#[tokio::test]
async fn a_request_in_flight_when_connections_are_refused_is_finished() {
    let started = Shared::<u32>::default();
    let service = Service::start(patient(), slow(started.clone()), |app| app).await;
    let slow = tokio::spawn(reqwest::get(format!("http://{}/slow", service.address)));
    eventually("the slow request arrived", async || *started.lock().unwrap() == 1).await;
    service.stop().await;
    assert_eq!(slow.await.unwrap().unwrap().text().await.unwrap(), "done");
}

#[tokio::test]
async fn a_request_that_does_not_end_is_cut_when_its_time_is_over() {
    let started = Shared::<u32>::default();
    let counted = started.clone();
    let never = get(async move || {
        *counted.lock().unwrap() += 1;
        std::future::pending::<()>().await;
    });
    let serving = Serving { requests_end: Duration::from_millis(300), ..patient() };
    let service = Service::start(serving, Router::new().route("/never", never), |app| app).await;
    let mut client = service.send("GET /never HTTP/1.1\r\nHost: order\r\n\r\n").await;
    eventually("the request arrived", async || *started.lock().unwrap() == 1).await;
    service.stop().await;
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn a_connection_that_is_kept_open_is_closed_with_its_next_answer() {
    // It listens for longer than this test may take.
    let serving = Serving { drain: LIMIT * 2, ..Serving::default() };
    let service = Service::start(serving, Router::new(), |app| app).await;
    let mut client = service.send(ASK).await;
    let answer = client.read_until(HEALTHY).await;
    assert!(!answer.contains("connection: close"), "{answer}");

    service.shutdown.trigger();
    client.write(ASK).await;
    let last = client.rest().await;
    assert!(last.starts_with("HTTP/1.1 200"), "{last}");
    assert!(last.contains("connection: close"), "{last}");
    assert_eq!(service.status("/health").await.unwrap(), 200, "while new connections are still served");
}

#[tokio::test]
async fn a_connection_that_rests_when_the_drain_is_over_holds_nothing_up() {
    let service = Service::start(patient(), Router::new(), |app| app).await;
    let mut resting = service.send(ASK).await;
    resting.read_until(HEALTHY).await;
    // In less time than it might rest otherwise.
    service.stop().await;
    assert_eq!(resting.rest().await, "");
}

#[tokio::test]
async fn a_client_that_has_just_connected_when_the_drain_is_over_is_still_served() {
    let service = Service::start(patient(), Router::new(), |app| app).await;
    let mut connected = service.send("").await;
    eventually("it is taken", async || service.open().await == 1).await;
    service.shutdown.trigger();
    eventually("connections are refused", async || service.status("/health").await.is_err()).await;
    assert!(!service.has_stopped());
    connected.write(ASK).await;
    let answer = connected.rest().await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("connection: close"), "{answer}");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_fails_while_a_service_drains_under_load() {
    let serving = Serving { drain: Duration::from_secs(3), ..Serving::default() };
    let routes = Router::new().route("/", get(async || tokio::time::sleep(Duration::from_millis(5)).await));
    let service = Service::start(serving, routes, |app| app).await;
    let (url, ready) = (format!("http://{}/", service.address), format!("http://{}/ready", service.internal));
    // Each sends, over connections that it keeps, as long as it is told to: as a load balancer does.
    let clients: Vec<_> = (0..16)
        .map(|_| {
            let (url, ready, client) = (url.clone(), ready.clone(), reqwest::Client::new());
            tokio::spawn(async move {
                let mut answered = 0;
                while reqwest::get(&ready).await.unwrap().status() == 200 {
                    for _ in 0..10 {
                        assert_eq!(client.get(&url).send().await.unwrap().status(), 200);
                        answered += 1;
                    }
                }
                answered
            })
        })
        .collect();
    eventually("all send", async || service.open().await >= 16).await;
    service.stop().await;
    for client in clients {
        assert!(client.await.unwrap() > 0);
    }
}
