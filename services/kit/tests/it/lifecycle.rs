//! Starting and stopping without a failed request.

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use kit::http::{StandardRoutes, standard};
use kit::lifecycle::{App, Shutdown, bind, serve};
use kit::metrics::Registry;
use kit::readiness::Readiness;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use crate::world::{LIMIT, Shared, eventually};

fn app(shutdown: &Shutdown, started: Shared<u32>) -> App {
    let slow = get(async move || {
        *started.lock().unwrap() += 1;
        tokio::time::sleep(Duration::from_millis(700)).await;
        "done"
    });
    let routes = StandardRoutes {
        name: "order",
        readiness: Readiness::new().until(shutdown.clone()),
        openapi: utoipa::openapi::OpenApiBuilder::new().build(),
        metrics: Registry::new("order"),
    };
    App::new("order", standard(Router::new().route("/slow", slow), routes))
}

#[tokio::test]
async fn stopping_turns_away_first_then_finishes_and_tasks_end_last() {
    let (shutdown, started) = (Shutdown::new(), Shared::<u32>::default());
    let (ended, end) = oneshot::channel::<()>();
    let ended = std::sync::Mutex::new(Some(ended));
    let app = app(&shutdown, started.clone()).task("relay", move |shutdown| {
        let ended = ended.lock().unwrap().take();
        async move {
            shutdown.requested().await;
            ended.unwrap().send(()).unwrap();
            Ok(())
        }
    });
    let listener = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(serve(listener, app, shutdown.clone(), Duration::from_secs(1)));
    let status = async |path: &str| {
        reqwest::get(format!("{base}{path}")).await.map(|response| response.status().as_u16())
    };
    eventually("it is ready", async || status("/ready").await.is_ok_and(|status| status == 200)).await;

    shutdown.trigger();
    assert_eq!(status("/ready").await.unwrap(), 503, "no new traffic, please");
    assert_eq!(status("/health").await.unwrap(), 200, "but what comes is served");
    let slow = tokio::spawn(reqwest::get(format!("{base}/slow")));
    eventually("the slow request arrived", async || *started.lock().unwrap() == 1).await;
    assert_eq!(slow.await.unwrap().unwrap().text().await.unwrap(), "done");
    tokio::time::timeout(LIMIT, server).await.unwrap().unwrap().unwrap();
    end.await.expect("the task ended in good order");
    assert!(status("/health").await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn a_request_in_flight_when_connections_are_refused_is_finished() {
    let (shutdown, started) = (Shutdown::new(), Shared::<u32>::default());
    let listener = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let server =
        tokio::spawn(serve(listener, app(&shutdown, started.clone()), shutdown.clone(), Duration::ZERO));
    let slow = tokio::spawn(reqwest::get(format!("{base}/slow")));
    eventually("the slow request arrived", async || *started.lock().unwrap() == 1).await;
    shutdown.trigger();
    assert_eq!(slow.await.unwrap().unwrap().text().await.unwrap(), "done");
    tokio::time::timeout(LIMIT, server).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn a_connection_that_is_kept_open_is_closed_with_its_next_answer() {
    let shutdown = Shutdown::new();
    let listener = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.local_addr().unwrap();
    // It listens for longer than this test may take.
    let server =
        tokio::spawn(serve(listener, app(&shutdown, Shared::default()), shutdown.clone(), LIMIT * 2));
    let ask = "GET /health HTTP/1.1\r\nHost: order\r\n\r\n";

    let mut connection = TcpStream::connect(address).await.unwrap();
    connection.write_all(ask.as_bytes()).await.unwrap();
    let mut answer = String::new();
    while !answer.ends_with("{\"status\":\"ok\"}") {
        let mut part = [0; 1024];
        let length = tokio::time::timeout(LIMIT, connection.read(&mut part)).await.unwrap().unwrap();
        assert_ne!(length, 0, "the connection stays open: {answer}");
        answer.push_str(std::str::from_utf8(&part[..length]).unwrap());
    }
    assert!(!answer.contains("connection: close"), "{answer}");

    shutdown.trigger();
    connection.write_all(ask.as_bytes()).await.unwrap();
    let mut last = String::new();
    tokio::time::timeout(LIMIT, connection.read_to_string(&mut last)).await.unwrap().unwrap();
    assert!(last.starts_with("HTTP/1.1 200"), "{last}");
    assert!(last.contains("connection: close"), "{last}");

    let fresh = reqwest::get(format!("http://{address}/health")).await.unwrap();
    assert_eq!(fresh.status().as_u16(), 200, "while new connections are still served");
    server.abort();
}
