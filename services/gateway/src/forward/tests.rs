//! Who is counted, by where a request comes from. Nobody listens behind this gateway: counting comes first.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::DefaultClock;
use http::StatusCode;
use ipnet::IpNet;
use kit::auth::Role;
use testing::Keys;
use uuid::Uuid;

use super::*;
use crate::config::{CLIENTS_PER_UNDECLARED_ADDRESS as SHARED, RateLimits};
use crate::limits::Limiter;
use crate::upstream::Upstream;

const POD: &str = "10.42.0.7";

fn gateway(keys: &Keys, trusted_proxies: Option<Vec<IpNet>>) -> Arc<Gateway> {
    let one = NonZeroU32::MIN;
    let limits = RateLimits {
        auth_per_minute_per_ip: one,
        orders_per_minute_per_user: one,
        unknown_per_minute_per_ip: one,
    };
    let address = |_: &str| "http://127.0.0.1:1".to_owned();
    Arc::new(Gateway {
        upstream: Upstream::new(&routes::services(), address, Duration::from_secs(1)).unwrap(),
        limiter: Limiter::new(&limits, DefaultClock::default()),
        verifier: keys.verifier(<crate::Gateway as kit::Service>::NAME),
        trusted_proxies,
        max_body_bytes: 1,
        dead_letters: Vec::new(),
    })
}

/// The declared limit that a request is counted against, and whether it was too much.
async fn asked(gateway: &Arc<Gateway>, from: &str, path: &str, token: Option<&str>) -> (u32, bool) {
    let peer = SocketAddr::new(from.parse().unwrap(), 4711);
    let mut request = Request::get(path);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let request = request.body(Body::empty()).unwrap();
    let response = forward(State(gateway.clone()), ConnectInfo(peer), request).await;
    let limit = response.headers()["ratelimit-limit"].to_str().unwrap().parse().unwrap();
    (limit, response.status() == StatusCode::TOO_MANY_REQUESTS)
}

#[tokio::test]
async fn behind_a_proxy_that_nobody_declared_the_shop_is_not_one_client() {
    let keys = Keys::generate();
    let gateway = gateway(&keys, None);
    for path in ["/auth/login", "/orders", "/nowhere"] {
        for _ in 0..3 {
            assert_eq!(asked(&gateway, POD, path, None).await, (SHARED.get(), false), "{path}");
        }
    }
    let jane = keys.access_token(Uuid::now_v7(), Role::Customer);
    let john = keys.access_token(Uuid::now_v7(), Role::Customer);
    for path in ["/auth/sessions", "/orders"] {
        assert_eq!(asked(&gateway, POD, path, Some(&jane)).await, (1, false), "{path}");
        assert_eq!(asked(&gateway, POD, path, Some(&jane)).await, (1, true), "{path}");
        assert_eq!(asked(&gateway, POD, path, Some(&john)).await, (1, false), "{path}");
    }
}

#[tokio::test]
async fn a_public_address_and_one_behind_declared_proxies_is_one_client() {
    let keys = Keys::generate();
    for (trusted, from) in [(None, "192.0.2.1"), (Some(Vec::new()), POD)] {
        let gateway = gateway(&keys, trusted);
        for path in ["/auth/login", "/orders", "/nowhere"] {
            assert_eq!(asked(&gateway, from, path, None).await, (1, false), "{path}");
            assert_eq!(asked(&gateway, from, path, None).await, (1, true), "{path}");
        }
        let token = keys.access_token(Uuid::now_v7(), Role::Customer);
        assert_eq!(asked(&gateway, from, "/auth/sessions", Some(&token)).await, (1, true), "by address");
    }
}

#[tokio::test]
async fn an_answer_says_which_row_of_the_table_it_came_by() {
    let keys = Keys::generate();
    let gateway = gateway(&keys, None);
    let peer = SocketAddr::new(POD.parse().unwrap(), 4711);
    for (path, label) in [("/api/v1/orders/7", Some("/orders")), ("/login", Some("/login")), ("/x", None)] {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = forward(State(gateway.clone()), ConnectInfo(peer), request).await;
        assert_eq!(response.extensions().get::<RouteLabel>().map(|label| label.0), label, "{path}");
    }
}

#[test]
fn the_query_stays_when_the_path_is_replaced() {
    for (asked, path, expected) in [
        ("/api/v1/orders?a=%20b", "/orders", "/orders?a=%20b"),
        ("/orders?x", "/orders", "/orders?x"),
        ("/users/7", "/auth/users/7", "/auth/users/7"),
    ] {
        let mut uri: Uri = asked.parse().unwrap();
        readdress(&mut uri, path);
        assert_eq!(uri.to_string(), expected);
    }
}
