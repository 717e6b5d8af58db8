//! Services that keep dead letters, some of them away.

use std::num::NonZeroU32;
use std::sync::Arc;

use axum::extract::connect_info::MockConnectInfo;
use kit::testing::Keys;
use serde_json::{Value, json};
use testing::Client;
use uuid::Uuid;
use wiremock::matchers::{any, body_json, header, method, path};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use super::*;
use crate::config::RateLimits;
use crate::limits::Limiter;
use crate::upstream::Upstream;

const NOTIFICATION: &str = "/notifications/dead-letters";
const ORDER: &str = "/orders/dead-letters";

/// A gateway before the two services at these addresses.
fn gateway(notification: &str, order: &str) -> Client {
    let part = |service, path: &str| Part { service, path: path.to_owned() };
    let address = |service: &str| if service == "order" { order } else { notification }.to_owned();
    let many = NonZeroU32::MAX;
    let limits = RateLimits {
        auth_per_minute_per_ip: many,
        orders_per_minute_per_user: many,
        unknown_per_minute_per_ip: many,
    };
    let gateway = Arc::new(Gateway {
        upstream: Upstream::new(&["notification", "order"], address, std::time::Duration::from_secs(5))
            .unwrap(),
        limiter: Limiter::new(&limits, governor::clock::DefaultClock::default()),
        verifier: Keys::generate().verifier("gateway"),
        trusted_proxies: None,
        max_body_bytes: 1,
        dead_letters: vec![part("notification", NOTIFICATION), part("order", ORDER)],
    });
    let peer: std::net::SocketAddr = ([127, 0, 0, 1], 4711).into();
    let router = Router::from(routes()).merge(aliases()).with_state(gateway);
    Client::new(router.layer(MockConnectInfo(peer)))
}

/// An address at which nobody listens.
fn nowhere() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

async fn answering(verb: &str, at: &str, answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method(verb)).and(path(at)).respond_with(answer).mount(&server).await;
    server
}

fn ok(body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

/// A letter that was given up at that second of that millisecond.
fn letter(consumer: &str, second: u32, id: u128) -> Value {
    json!({
        "id": Uuid::from_u128(id), "consumer": consumer, "subject": "order.created", "event_id": null,
        "status": "dead", "cause": "it was a test", "attempts": 1, "redrives": 0, "redrive_id": null,
        "created_at": format!("2026-02-17T11:00:{second:02}.000Z"), "redriven_at": null,
    })
}

/// Lists letters as a service does.
struct Letters(Vec<DeadLetter>);

impl Letters {
    fn of(letters: &[Value]) -> Self {
        Self(letters.iter().map(|letter| serde_json::from_value(letter.clone()).unwrap()).collect())
    }
}

impl Respond for Letters {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let query = request.url.query().unwrap_or_default();
        let Query((page, filter)) = Query::<(PageQuery, FilterQuery)>::parse(query).unwrap();
        let list = filter.list();
        let window = page.window(&list).unwrap();
        let position = |letter: &DeadLetter| Position::at(letter.created_at.get(), letter.id);
        let after = |letter: &DeadLetter| match &window.start {
            Start::Page(_) => true,
            Start::After(last) => {
                let place = position(letter);
                let (Time(at), Time(last_at)) = (place.value, last.value.clone()) else { panic!("a time") };
                (at, place.id) < (last_at, last.id)
            }
        };
        let mut letters: Vec<DeadLetter> = self.0.iter().filter(|letter| after(letter)).cloned().collect();
        letters.sort_by_key(|letter| std::cmp::Reverse((letter.created_at, letter.id)));
        let slice = window.slice(letters, Total::NotCounted, position);
        ok(&serde_json::to_value(list.answer(&window, slice, |letter| letter)).unwrap())
    }
}

use kit::paging::Value::Time;
use kit::paging::{Position, Start, Total};

async fn listing(letters: &[Value]) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("GET")).respond_with(Letters::of(letters)).mount(&server).await;
    server
}

#[tokio::test]
async fn pages_show_the_letters_of_all_services_once_newest_first() {
    let times = [(0, 30), (1, 30), (1, 29), (0, 29), (0, 29), (0, 28), (1, 7), (1, 7), (1, 6)];
    let letters = times.iter().zip(1..).map(|((part, second), id)| (*part, letter("c", *second, id)));
    let (first, second): (Vec<_>, Vec<_>) = letters.partition(|(part, _)| *part == 0);
    let of = |part: &[(i32, Value)]| part.iter().map(|(_, letter)| letter.clone()).collect::<Vec<_>>();
    let (first, second) = (of(&first), of(&second));
    let mut expected = [first.clone(), second.clone()].concat();
    expected.sort_by_key(|letter| {
        std::cmp::Reverse((letter["created_at"].to_string(), letter["id"].to_string()))
    });
    let expected: Vec<Value> = expected.iter().map(|letter| letter["id"].clone()).collect();
    let (notification, order) = (listing(&first).await, listing(&second).await);
    let gateway = gateway(&notification.uri(), &order.uri());
    for limit in [1, 2, 3, 9, 100] {
        let (mut shown, mut query) = (Vec::new(), format!("?limit={limit}"));
        loop {
            let page = gateway.get(&format!("/api/v1/dead-letters{query}")).await.expect(200);
            assert_eq!(page["failed"], json!([]));
            let data = page["data"].as_array().unwrap();
            shown.extend(data.iter().map(|letter| letter["id"].clone()));
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            assert_eq!(data.len(), limit);
            query = format!("?limit={limit}&cursor={cursor}");
        }
        assert_eq!(shown, expected, "{limit} a page");
    }
}

#[tokio::test]
async fn a_letter_names_its_service_and_where_it_is_handled() {
    let notification = listing(&[letter("notification-orders", 1, 7)]).await;
    let order = listing(&[]).await;
    let gateway = gateway(&notification.uri(), &order.uri());
    for base in ["", "/api", "/api/v1"] {
        let list = gateway.get(&format!("{base}/dead-letters")).await.expect(200);
        let found = &list["data"][0];
        assert_eq!(found["service"], "notification");
        assert_eq!(found["consumer"], "notification-orders");
        assert_eq!(found["path"], format!("{NOTIFICATION}/{}", Uuid::from_u128(7)));
    }
}

#[tokio::test]
async fn a_service_that_is_away_is_named_and_the_others_answer() {
    let away = json!([{ "service": "order", "detail": "the service cannot be reached." }]);
    let selection = json!({ "reason": "it was a test" });

    let notification = listing(&[letter("c", 1, 7)]).await;
    let list = gateway(&notification.uri(), &nowhere()).get("/api/v1/dead-letters").await.expect(200);
    assert_eq!((&list["failed"], list["data"].as_array().unwrap().len()), (&away, 1));

    let cause = json!({
        "consumer": "c", "subject": "order.created", "cause": "x", "count": 2,
        "oldest": "2026-02-17T11:00:00.000Z", "newest": "2026-02-17T11:00:00.000Z",
    });
    let notification =
        answering("GET", &format!("{NOTIFICATION}/causes"), ok(&json!({ "data": [cause] }))).await;
    let causes =
        gateway(&notification.uri(), &nowhere()).get("/api/v1/dead-letters/causes").await.expect(200);
    assert_eq!((&causes["failed"], &causes["data"][0]["count"]), (&away, &json!(2)));

    let accepted = ResponseTemplate::new(202).set_body_json(json!({ "accepted": 3 }));
    let notification = answering("POST", &format!("{NOTIFICATION}/redrive"), accepted).await;
    let asking = gateway(&notification.uri(), &nowhere());
    let redriven = asking.post("/api/v1/dead-letters/redrive", &json!({})).await.expect(202);
    let of_one = json!([{ "service": "notification", "accepted": 3 }]);
    assert_eq!(redriven, json!({ "accepted": 3, "services": of_one, "failed": away }));

    let discarded = ok(&json!({ "discarded": 4 }));
    let notification = answering("POST", &format!("{NOTIFICATION}/discard"), discarded).await;
    let asking = gateway(&notification.uri(), &nowhere());
    let answer = asking.post("/api/v1/dead-letters/discard", &selection).await.expect(200);
    let of_one = json!([{ "service": "notification", "discarded": 4 }]);
    assert_eq!(answer, json!({ "discarded": 4, "services": of_one, "failed": away }));
}

#[tokio::test]
async fn a_service_that_refuses_or_talks_nonsense_is_named() {
    let order = listing(&[letter("c", 1, 7)]).await;
    for (answer, detail) in [
        (ResponseTemplate::new(503), "the service answered 503 Service Unavailable."),
        (ResponseTemplate::new(200).set_body_string("<html>"), "the service's answer cannot be read."),
    ] {
        let notification = answering("GET", NOTIFICATION, answer).await;
        let list = gateway(&notification.uri(), &order.uri()).get("/api/v1/dead-letters").await.expect(200);
        assert_eq!(list["failed"], json!([{ "service": "notification", "detail": detail }]));
        assert_eq!(list["data"].as_array().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn every_service_is_asked_for_the_same_with_the_callers_own_token() {
    let selection = json!({
        "consumer": "c", "subject": "order.created", "cause": "x", "before": "2026-02-17T11:00:00.000Z",
    });
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(header("authorization", "Bearer token"))
        .and(header("content-type", "application/json"))
        .and(body_json(&selection))
        .respond_with(ResponseTemplate::new(202).set_body_json(json!({ "accepted": 1 })))
        .expect(2)
        .mount(&server)
        .await;
    let gateway = gateway(&server.uri(), &server.uri()).with_token("token").with_header("x-user-id", "admin");
    assert_eq!(gateway.post("/api/v1/dead-letters/redrive", &selection).await.expect(202)["accepted"], 2);
    for request in server.received_requests().await.unwrap() {
        assert!(!request.headers.contains_key("x-user-id"));
        assert_eq!(request.headers["x-forwarded-for"], "127.0.0.1");
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_asked_of_nobody() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(ok(&json!({}))).expect(0).mount(&server).await;
    let gateway = gateway(&server.uri(), &server.uri());
    for query in ["cursor=x", "limit=0", "limit=101", "page=2", "status=lost", "colour=blue"] {
        assert_eq!(gateway.get(&format!("/api/v1/dead-letters?{query}")).await.status, 400, "{query}");
    }
    for (action, body) in [
        ("redrive", json!({ "colour": "blue" })),
        ("redrive", json!({ "before": "yesterday" })),
        ("discard", json!({})),
        ("discard", json!({ "reason": " " })),
    ] {
        let answer = gateway.post(&format!("/api/v1/dead-letters/{action}"), &body).await;
        assert_eq!(answer.status, 400, "{action} {body}");
    }
}

#[test]
fn every_service_with_consumers_is_asked() {
    let keeping = topology::SERVICES.iter().filter(|service| !service.consumers.is_empty());
    let expected: Vec<&str> = keeping.map(|service| service.name).collect();
    let asked: Vec<&str> = parts().iter().map(|part| part.service).collect();
    assert_eq!(asked, expected);
    for part in parts() {
        let target = crate::routes::resolve(&part.path).unwrap();
        assert_eq!((target.service, &*target.path), (part.service, part.path.as_str()));
    }
}
