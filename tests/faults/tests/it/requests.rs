//! What clients of a service are answered while its database is silent: an honest 503, soon.

use std::time::{Duration, Instant};

use futures::future::join_all;
use kit::auth::Role;
use order::Order;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use testbed::{Postgres, Proxy};
use testing::{Setup, TestService, jane};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::figure::{Figure, percentile};

const SILENT: Duration = Duration::from_secs(45);
/// How long requests flow before the fault, and after its end.
const USUAL: Duration = Duration::from_secs(5);
const AFTER: Duration = Duration::from_secs(15);
/// Pause between two pairs of requests, one that reads and one that writes.
const PAUSE: Duration = Duration::from_millis(100);
/// Promised: the time to an answer, and what `Retry-After` says.
const ANSWERED: Duration = Duration::from_secs(3);
/// Promised: requests succeed again this long after.
const RECOVERED: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_postmaster_is_an_honest_503_within_3_s_and_over_within_5_s() {
    let postgres = Postgres::start().await.unwrap();
    let shop = Shop::start(&postgres, postgres.port()).await;
    let fault = async || {
        postgres.pause().await.unwrap();
        let began = Instant::now();
        tokio::time::sleep(SILENT).await;
        postgres.resume().await.unwrap();
        began
    };
    shop.endure("PostgreSQL stopped by SIGSTOP for 45 s", fault).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_swallows_packets_is_an_honest_503_within_3_s_and_over_within_5_s() {
    let postgres = Postgres::start().await.unwrap();
    let proxy = Proxy::to(postgres.port()).await.unwrap();
    let shop = Shop::start(&postgres, proxy.port()).await;
    let fault = async || {
        proxy.swallow();
        let began = Instant::now();
        tokio::time::sleep(SILENT).await;
        proxy.forward();
        began
    };
    shop.endure("PostgreSQL behind a silent network for 45 s", fault).await;
}

/// The order service on a port, and a client with a customer's token.
struct Shop {
    service: TestService,
    url: String,
    client: Client,
    token: String,
}

/// What one request was answered.
struct Answered {
    /// Of a request that places an order.
    key: Option<Uuid>,
    began: Instant,
    took: Duration,
    status: StatusCode,
    retry_after: Option<u64>,
}

impl Shop {
    /// On a database of `postgres`, which it reaches by that port.
    async fn start(postgres: &Postgres, port: u16) -> Self {
        let database = testing::database::<Order>(postgres).await.unwrap();
        let url = database.url.replace(&format!(":{}/", postgres.port()), &format!(":{port}/"));
        let setup: Setup<Order> =
            Setup { database: Some(database), database_url: Some(url), ..Setup::default() };
        let mut service = TestService::start_with(setup).await;
        let url = service.listen().await.public;
        let token = service.keys.access_token(jane(), Role::Customer);
        Self { service, url, client: Client::new(), token }
    }

    /// Asks at a steady rate before, during and after `fault`, which returns when it began.
    async fn endure(&self, name: &str, fault: impl AsyncFnOnce() -> Instant) {
        let (began, over, answers) = {
            let mut asked: Vec<JoinHandle<Answered>> = Vec::new();
            let fault = async {
                tokio::time::sleep(USUAL).await;
                let began = fault().await;
                let over = Instant::now();
                tokio::time::sleep(AFTER).await;
                (began, over)
            };
            let mut fault = std::pin::pin!(fault);
            let mut tick = tokio::time::interval(PAUSE);
            let (began, over) = loop {
                tokio::select! {
                    times = &mut fault => break times,
                    _ = tick.tick() => asked.extend([self.ask(None), self.ask(Some(Uuid::now_v7()))]),
                }
            };
            (began, over, join_all(asked).await.into_iter().map(Result::unwrap).collect::<Vec<_>>())
        };
        let refused: Vec<&Answered> = answers.iter().filter(|answer| !answer.status.is_success()).collect();
        for answer in &refused {
            assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
            let retry_after = answer.retry_after.expect("a 503 says when to ask again");
            assert!(retry_after <= ANSWERED.as_secs(), "Retry-After: {retry_after}");
        }
        let meanwhile: Vec<Duration> = answers
            .iter()
            .filter(|answer| answer.began + answer.took > began && answer.began < over)
            .map(|answer| answer.took)
            .collect();
        let last = refused.iter().map(|answer| answer.began + answer.took).max().unwrap();
        let slowest = Figure::new(percentile(&meanwhile, 100), ANSWERED);
        let recovered = Figure::new(last.saturating_duration_since(over), RECOVERED);
        println!(
            "{name}: {} requests, {} answered 503, in {:.2?} (median), the slowest in {slowest}; the last 503 came \
             {recovered} after",
            answers.len(),
            refused.len(),
            percentile(&meanwhile, 50),
        );
        slowest.holds();
        recovered.holds();
        self.each_order_once(&answers).await;
    }

    /// Sends again what was answered 503: every order is there, once.
    async fn each_order_once(&self, answers: &[Answered]) {
        let orders: Vec<&Answered> = answers.iter().filter(|answer| answer.key.is_some()).collect();
        for answer in orders.iter().filter(|answer| !answer.status.is_success()) {
            assert_eq!(self.ask(answer.key).await.unwrap().status, StatusCode::CREATED);
        }
        let count: i64 =
            sqlx::query_scalar("SELECT count(*) FROM orders").fetch_one(self.service.pool()).await.unwrap();
        assert_eq!(usize::try_from(count).unwrap(), orders.len());
    }

    /// Places an order with that key, or reads the list.
    fn ask(&self, key: Option<Uuid>) -> JoinHandle<Answered> {
        let url = format!("{}/orders", self.url);
        let request = match key {
            Some(key) => self.client.post(url).header("idempotency-key", key.to_string()).json(&example()),
            None => self.client.get(url),
        };
        let request = request.bearer_auth(&self.token);
        tokio::spawn(async move {
            let began = Instant::now();
            let response = request.send().await.expect("an honest answer is one");
            let (status, took) = (response.status(), began.elapsed());
            let header = response.headers().get("retry-after");
            let retry_after = header.map(|value| value.to_str().unwrap().parse().unwrap());
            Answered { key, began, took, status, retry_after }
        })
    }
}

fn example() -> Value {
    json!({
        "items": [{
            "product_id": "f47ac10b-58cc-4372-a567-0e02b2c3d479",
            "product_name": "Wireless Headphones",
            "quantity": 2,
            "unit_price": 49.99
        }],
        "shipping_address": {
            "street": "742 Evergreen Terrace",
            "city": "Springfield",
            "state": "IL",
            "zip_code": "62704",
            "country": "US"
        },
        "currency": "USD"
    })
}
