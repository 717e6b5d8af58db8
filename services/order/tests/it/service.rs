//! The order service, and what its tests ask of it.

use std::ops::Deref;
use std::time::Duration;

use futures::future::join_all;
use http::Method;
use order::Order;
use serde_json::{Value, json};
use testing::suite::Sample;
use testing::{Setup, TestService};
use uuid::Uuid;

pub(crate) use testing::{Answer, Caller, admin, jane, john};

/// Another service that asks.
pub(crate) const NOTIFICATION: Caller = Caller::Service("notification");

/// The service under test.
pub(crate) struct Service(TestService);

impl Deref for Service {
    type Target = TestService;

    fn deref(&self) -> &TestService {
        &self.0
    }
}

/// How its routes are asked so that they succeed.
pub(crate) struct Samples;

impl testing::suite::Samples for Samples {
    type Service = Order;

    async fn sample(service: &TestService, route: &'static str) -> Sample {
        let placed = service.post(Caller::User(jane()), "/orders", &example()).await.expect(201);
        let path = route.split_once(' ').unwrap().1;
        let path = path.replace("{user_id}", &jane().to_string()).replace("{id}", &id(&placed).to_string());
        match route {
            "POST /orders" => Sample::with(path, example_with("/user_id", json!(jane()))),
            "PUT /orders/{id}" => Sample::with(path, json!({"notes": "Ring twice."})),
            "PATCH /orders/{id}/status" | "PUT /orders/{id}/status" => {
                Sample::with(path, json!({"status": "confirmed"}))
            }
            _ => Sample::get(path),
        }
    }
}

impl Service {
    pub(crate) async fn start() -> Self {
        Self(TestService::start::<Order>().await)
    }

    /// On a server of one's own.
    pub(crate) async fn start_on(postgres: &testbed::Postgres) -> Self {
        let database = testing::database::<Order>(postgres).await;
        Self(TestService::start_with::<Order>(Setup { database, ..Setup::default() }).await)
    }

    pub(crate) async fn send(
        &self,
        caller: Caller,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> Answer {
        let asking =
            headers.iter().fold(self.as_(caller), |asking, (name, value)| asking.with_header(name, value));
        asking.send(method, path, body).await
    }

    /// Places the example order and returns its id.
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

    /// Runs at most 8 requests that change one order while its row is held, so that all of them have
    /// begun and wait for it when it is let go.
    pub(crate) async fn at_once<F>(&self, order: Uuid, requests: Vec<F>) -> Vec<Answer>
    where
        F: Future<Output = Answer>,
    {
        let count = i64::try_from(requests.len()).unwrap();
        let mut holder = self.pool().begin().await.unwrap();
        sqlx::query("SELECT 1 FROM orders WHERE id = $1 FOR UPDATE")
            .bind(order)
            .execute(&mut *holder)
            .await
            .unwrap();
        let release = async {
            let pool = self.pool();
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
            .fetch_all(self.pool())
            .await
            .unwrap()
    }

    pub(crate) async fn count(&self, table: &'static str) -> i64 {
        let query = match table {
            "orders" => "SELECT count(*) FROM orders",
            "outbox" => "SELECT count(*) FROM outbox",
            other => panic!("no such table: {other}"),
        };
        sqlx::query_scalar(query).fetch_one(self.pool()).await.unwrap()
    }
}

pub(crate) fn id(order: &Value) -> Uuid {
    order["id"].as_str().unwrap().parse().unwrap()
}

/// The example of `POST /orders`.
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
