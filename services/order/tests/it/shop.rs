//! A service over its own database, and what tests ask of it.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use chrono::TimeDelta;
use futures::future::join_all;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use kit::auth::Role;
use kit::clock::ManualClock;
use kit::testing::{Keys, TestClient};
use serde_json::{Value, json};
use sqlx::PgPool;
use tower::ServiceExt as _;
use uuid::Uuid;

/// Document 003's time of the example order.
const OPENING: &str = "2026-02-17T11:00:00.000Z";

/// The service under test. Its clock stands still until a test moves it.
pub(crate) struct Shop {
    pub(crate) pool: PgPool,
    pub(crate) clock: ManualClock,
    /// What the service was started with.
    pub(crate) context: kit::Context,
    /// What probes and Prometheus reach.
    pub(crate) internal: TestClient,
    keys: Keys,
    router: Router,
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caller {
    User(Uuid),
    Vendor(Uuid),
    Admin,
    Service,
    Nobody,
}

/// What the service answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// The body, after the status was checked.
    #[track_caller]
    pub(crate) fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        if self.text.is_empty() { Value::Null } else { self.json() }
    }

    /// A problem's code and the first refused field, after the status was checked.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16) -> (String, Option<String>) {
        let body = self.expect(status);
        assert_eq!(self.headers["content-type"], "application/problem+json");
        assert_eq!(body["status"], status);
        let kind = body["type"].as_str().unwrap();
        let code = kind.rsplit('#').next().unwrap().to_owned();
        let field = body["errors"][0]["field"].as_str().map(str::to_owned);
        (code, field)
    }
}

impl Shop {
    pub(crate) async fn open() -> Self {
        Self::open_on(testbed::Postgres::shared().await).await
    }

    /// On a server of one's own.
    pub(crate) async fn open_on(postgres: &testbed::Postgres) -> Self {
        let database = postgres.database(&[&kit::database::migrator(), &order::MIGRATOR]).await;
        let clock = ManualClock::at(OPENING.parse().unwrap());
        let keys = Keys::generate();
        let verifier = keys.verifier(order::NAME);
        let context = kit::Context {
            config: Arc::new(kit::config::Service::default()),
            database: Some(kit::database::Database::from_pool(&database.pool)),
            nats: None,
            jetstream: None,
            verifier,
            clock: clock.shared(),
            metrics: kit::metrics::Registry::new(order::NAME),
            shutdown: kit::lifecycle::Shutdown::new(),
        };
        let app = order::service(context.clone(), order::Config::default()).unwrap();
        let internal = TestClient::new(app.internal);
        Self { pool: database.pool, clock, context, keys, router: app.router, internal }
    }

    pub(crate) fn tick(&self, seconds: i64) {
        self.clock.advance(TimeDelta::seconds(seconds));
    }

    fn token(&self, caller: Caller) -> Option<String> {
        match caller {
            Caller::User(id) => Some(self.keys.access_token(id, Role::Customer)),
            Caller::Vendor(id) => Some(self.keys.access_token(id, Role::Vendor)),
            Caller::Admin => Some(self.keys.access_token(admin(), Role::Admin)),
            Caller::Service => Some(self.keys.service_token("notification", order::NAME)),
            Caller::Nobody => None,
        }
    }

    pub(crate) async fn send(
        &self,
        caller: Caller,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = self.token(caller) {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = body.map_or_else(Body::empty, Body::from);
        let response = self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }

    async fn json(&self, caller: Caller, method: Method, path: &str, body: &Value) -> Answer {
        let headers = [("content-type", "application/json")];
        self.send(caller, method, path, &headers, Some(body.to_string())).await
    }

    pub(crate) async fn get(&self, caller: Caller, path: &str) -> Answer {
        self.send(caller, Method::GET, path, &[], None).await
    }

    pub(crate) async fn delete(&self, caller: Caller, path: &str) -> Answer {
        self.send(caller, Method::DELETE, path, &[], None).await
    }

    pub(crate) async fn post(&self, caller: Caller, path: &str, body: &Value) -> Answer {
        self.json(caller, Method::POST, path, body).await
    }

    pub(crate) async fn put(&self, caller: Caller, path: &str, body: &Value) -> Answer {
        self.json(caller, Method::PUT, path, body).await
    }

    pub(crate) async fn patch(&self, caller: Caller, path: &str, body: &Value) -> Answer {
        self.json(caller, Method::PATCH, path, body).await
    }

    /// Places document 003's example order and returns its id.
    pub(crate) async fn order(&self, user: Uuid) -> Uuid {
        let placed = self.post(Caller::User(user), "/orders", &example()).await;
        id(&placed.expect(201))
    }

    /// An order that an admin took to `status`.
    pub(crate) async fn order_in(&self, user: Uuid, status: &str) -> Uuid {
        let order = self.order(user).await;
        let steps: &[&str] = match status {
            "pending" => &[],
            "confirmed" => &["confirmed"],
            "shipped" => &["confirmed", "shipped"],
            "delivered" => &["confirmed", "shipped", "delivered"],
            "cancelled" => &["cancelled"],
            other => panic!("no such state: {other}"),
        };
        for step in steps {
            self.tick(60);
            self.step(order, step).await.expect(200);
        }
        order
    }

    pub(crate) async fn step(&self, order: Uuid, status: &str) -> Answer {
        let path = format!("/orders/{order}/status");
        self.patch(Caller::Admin, &path, &json!({"status": status})).await
    }

    /// Opens every connection of the pool, so that parallel requests do run in parallel.
    pub(crate) async fn warm(&self) {
        let all = (0..self.pool.options().get_max_connections()).map(|_| self.pool.acquire());
        for connection in join_all(all).await {
            connection.unwrap();
        }
    }

    /// Runs at most 8 requests that change one order while its row is held, so that all of them have
    /// begun and wait for it when it is let go.
    pub(crate) async fn at_once<F>(&self, order: Uuid, requests: Vec<F>) -> Vec<Answer>
    where
        F: Future<Output = Answer>,
    {
        let count = i64::try_from(requests.len()).unwrap();
        let mut holder = self.pool.begin().await.unwrap();
        sqlx::query("SELECT 1 FROM orders WHERE id = $1 FOR UPDATE")
            .bind(order)
            .execute(&mut *holder)
            .await
            .unwrap();
        let release = async {
            let pool = &self.pool;
            testbed::until(Duration::from_secs(10), "requests wait for the row", async || {
                let waiting: i64 = sqlx::query_scalar(
                    "SELECT count(*) FROM pg_stat_activity
                    WHERE datname = current_database() AND wait_event_type = 'Lock'",
                )
                .fetch_one(pool)
                .await
                .unwrap();
                (waiting == count).then_some(())
            })
            .await
            .unwrap();
            holder.commit().await.unwrap();
        };
        futures::join!(join_all(requests), release).0
    }

    /// Subjects and envelopes in the outbox, oldest first.
    pub(crate) async fn outbox(&self, order: Uuid) -> Vec<(String, Value)> {
        sqlx::query_as("SELECT subject, payload::jsonb FROM outbox WHERE aggregate_id = $1 ORDER BY position")
            .bind(order)
            .fetch_all(&self.pool)
            .await
            .unwrap()
    }

    pub(crate) async fn count(&self, table: &'static str) -> i64 {
        let query = match table {
            "orders" => "SELECT count(*) FROM orders",
            "outbox" => "SELECT count(*) FROM outbox",
            other => panic!("no such table: {other}"),
        };
        sqlx::query_scalar(query).fetch_one(&self.pool).await.unwrap()
    }
}

/// The administrator of every test.
pub(crate) fn admin() -> Uuid {
    Uuid::from_u128(0xad)
}

/// Document 003's customer.
pub(crate) fn jane() -> Uuid {
    "a1b2c3d4-e5f6-7890-abcd-ef1234567890".parse().unwrap()
}

/// Somebody else.
pub(crate) fn john() -> Uuid {
    Uuid::from_u128(0x70)
}

pub(crate) fn id(order: &Value) -> Uuid {
    order["id"].as_str().unwrap().parse().unwrap()
}

/// Document 003's example of `POST /orders`.
pub(crate) fn example() -> Value {
    json!({
        "items": [
            {
                "product_id": "f47ac10b-58cc-4372-a567-0e02b2c3d479",
                "product_name": "Wireless Headphones",
                "quantity": 2,
                "unit_price": 49.99
            },
            {
                "product_id": "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
                "product_name": "USB-C Cable",
                "quantity": 1,
                "unit_price": 12.99
            }
        ],
        "shipping_address": {
            "street": "742 Evergreen Terrace",
            "city": "Springfield",
            "state": "IL",
            "zip_code": "62704",
            "country": "US"
        },
        "currency": "USD",
        "notes": "Please leave at the front door."
    })
}

/// The example with one value replaced, by JSON pointer.
pub(crate) fn example_with(pointer: &str, value: Value) -> Value {
    let mut body = example();
    if let Some(place) = body.pointer_mut(pointer) {
        *place = value;
    } else {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        body.pointer_mut(parent).unwrap()[name] = value;
    }
    body
}

/// The example without one field, by JSON pointer.
pub(crate) fn example_without(pointer: &str) -> Value {
    let mut body = example();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let object = body.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    assert!(object.remove(name).is_some(), "{pointer}");
    body
}
