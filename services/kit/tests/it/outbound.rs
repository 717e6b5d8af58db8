//! Calls to addresses that somebody gave.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::response::Redirect;
use axum::routing::{get, post};
use http::{HeaderMap, Request};
use kit::outbound::{Lookup, Outbound, OutboundError, Refusal, Rules};

use crate::world::Shared;

/// Gives each answer once, the last one for ever, and counts.
#[derive(Clone)]
struct Names {
    answers: Shared<Vec<Vec<IpAddr>>>,
    asked: Shared<Vec<String>>,
}

impl Names {
    fn answering(answers: &[&[IpAddr]]) -> Self {
        let answers = answers.iter().rev().map(|answer| answer.to_vec()).collect();
        Self { answers: Shared::new(std::sync::Mutex::new(answers)), asked: Shared::default() }
    }
}

#[async_trait]
impl Lookup for Names {
    async fn addresses(&self, name: &str) -> std::io::Result<Vec<IpAddr>> {
        self.asked.lock().unwrap().push(name.to_owned());
        let mut answers = self.answers.lock().unwrap();
        Ok(if answers.len() > 1 { answers.pop().unwrap() } else { answers[0].clone() })
    }
}

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

/// A receiver on this machine: its port, and how often it was reached.
async fn receiver() -> (u16, Shared<u32>) {
    let reached = Shared::<u32>::default();
    let counted = reached.clone();
    let endless = || async {
        Body::from_stream(futures::stream::repeat(Ok::<_, std::convert::Infallible>(Bytes::from_static(
            &[b'x'; 1024],
        ))))
    };
    let router = Router::new()
        .route(
            "/hook",
            post(async |headers: HeaderMap, body: String| format!("{:?} {body}", headers["x-signature"])),
        )
        .route("/moved", get(async || Redirect::temporary("http://127.0.0.1:1/secret")))
        .route("/endless", get(endless))
        .route("/long", get(async || "x".repeat(5000)))
        .route("/silent", get(async || std::future::pending::<()>().await))
        .route("/broken", get(async || http::StatusCode::INTERNAL_SERVER_ERROR))
        .layer(axum::middleware::map_request(move |request: axum::extract::Request| {
            *counted.lock().unwrap() += 1;
            std::future::ready(request)
        }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(axum::serve(listener, router).into_future());
    (port, reached)
}

/// What development allows, and production does not.
fn allowing(port: u16) -> Rules {
    Rules {
        ports: vec![port],
        allow_http: true,
        allow_networks: vec!["127.0.0.1/32".parse().unwrap()],
        max_answer_bytes: 4096,
        ..Rules::default()
    }
}

fn get_request(url: &str) -> Request<Vec<u8>> {
    Request::get(url).body(Vec::new()).unwrap()
}

#[tokio::test]
async fn a_call_carries_its_headers_and_body_and_brings_any_answer() {
    let (port, _) = receiver().await;
    let outbound = Outbound::with_lookup(allowing(port), Names::answering(&[&[HERE]])).unwrap();
    let request = Request::post(format!("http://hooks.example:{port}/hook")).header("x-signature", "s1");
    let answer = outbound.send(request.body(b"payload".to_vec()).unwrap()).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.body().as_slice()), (200, br#""s1" payload"#.as_slice()));
    let broken = outbound.send(get_request(&format!("http://127.0.0.1:{port}/broken"))).await.unwrap();
    assert_eq!(broken.status(), 500);
}

#[tokio::test]
async fn a_name_that_leads_inside_is_refused_before_anything_is_sent() {
    let (port, reached) = receiver().await;
    let inside: [&[IpAddr]; 4] = [
        &[ELSEWHERE],
        &["10.0.0.1".parse().unwrap()],
        &["::1".parse().unwrap()],
        // Good ones beside it make it no better.
        &[HERE, "169.254.169.254".parse().unwrap()],
    ];
    for addresses in inside {
        let outbound = Outbound::with_lookup(allowing(port), Names::answering(&[addresses])).unwrap();
        let result = outbound.send(get_request(&format!("http://hooks.example:{port}/hook"))).await;
        assert!(matches!(result, Err(OutboundError::Refused(Refusal::Private))), "{addresses:?}: {result:?}");
    }
    let strict = Outbound::with_lookup(Rules::default(), Names::answering(&[&[HERE]])).unwrap();
    let result = strict.send(get_request("https://hooks.example/hook")).await;
    assert!(matches!(result, Err(OutboundError::Refused(Refusal::Private))), "{result:?}");
    let result = Outbound::new(Rules::default()).unwrap().send(get_request("https://localhost/")).await;
    assert!(matches!(result, Err(OutboundError::Refused(Refusal::Private))), "{result:?}");
    assert_eq!(*reached.lock().unwrap(), 0);
}

#[tokio::test]
async fn the_connection_is_made_to_the_address_that_was_checked() {
    let (port, _) = receiver().await;
    // Whoever answers the second look-up otherwise, is not asked a second time.
    let names = Names::answering(&[&[HERE], &[ELSEWHERE]]);
    let outbound = Outbound::with_lookup(allowing(port), names.clone()).unwrap();
    let answer = outbound.send(get_request(&format!("http://hooks.example:{port}/broken"))).await.unwrap();
    assert_eq!(answer.status(), 500);
    assert_eq!(*names.asked.lock().unwrap(), ["hooks.example"]);
}

#[tokio::test]
async fn a_private_address_in_the_url_asks_no_resolver_and_is_refused() {
    let names = Names::answering(&[&["1.1.1.1".parse().unwrap()]]);
    let outbound = Outbound::with_lookup(Rules::default(), names.clone()).unwrap();
    for url in ["https://127.0.0.1/", "https://2130706433/", "https://0x7f.1/", "https://[::ffff:10.0.0.1]/"]
    {
        let result = outbound.send(get_request(url)).await;
        assert!(matches!(result, Err(OutboundError::Refused(Refusal::Private))), "{url}: {result:?}");
    }
    assert!(names.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_not_followed() {
    let (port, reached) = receiver().await;
    let outbound = Outbound::new(allowing(port)).unwrap();
    let answer = outbound.send(get_request(&format!("http://127.0.0.1:{port}/moved"))).await.unwrap();
    assert_eq!(answer.status(), 307);
    assert_eq!(*reached.lock().unwrap(), 1);
}

#[tokio::test]
async fn an_answer_may_cost_no_more_than_the_limits() {
    let (port, _) = receiver().await;
    let outbound = Outbound::new(allowing(port)).unwrap();
    for path in ["endless", "long"] {
        let result = outbound.send(get_request(&format!("http://127.0.0.1:{port}/{path}"))).await;
        assert!(matches!(result, Err(OutboundError::TooLarge(4096))), "{path}: {result:?}");
    }
    let hasty = Outbound::new(Rules { timeout_ms: 300, ..allowing(port) }).unwrap();
    let result = hasty.send(get_request(&format!("http://127.0.0.1:{port}/silent"))).await;
    let limit = Duration::from_millis(300);
    assert!(matches!(result, Err(OutboundError::TimedOut(after)) if after == limit), "{result:?}");
}

#[tokio::test]
async fn an_error_shows_no_address() {
    let rules = Rules { ports: vec![1], ..allowing(1) };
    let outbound = Outbound::with_lookup(rules, Names::answering(&[&[HERE]])).unwrap();
    let error = outbound.send(get_request("http://secret-name.example:1/path")).await.unwrap_err();
    assert!(matches!(error, OutboundError::Unreachable(_)), "{error:?}");
    let said = error.to_string();
    assert!(!said.contains("secret-name") && !said.contains("127.0.0.1"), "{said}");
}
