//! Platforms for the tests, and the people on them.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use dev::{Options, Platform, Ports};
use serde_json::{Value, json};

use crate::client::{Addresses, Client, Entrance};

/// A password that keeps the rules.
pub(crate) const PASSWORD: &str = "S3cur3P@ssw0rd!";
/// Longest wait for something that happens by event; the document allows an e-mail 30 seconds.
pub(crate) const EVENTUALLY: Duration = Duration::from_secs(30);

/// A running platform.
pub(crate) struct World {
    platform: Platform,
}

/// Someone registered.
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) email: String,
    pub(crate) client: Client,
}

impl World {
    /// One for the whole test process. It lives on a runtime of its own, because a test's ends with the test.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<World> = OnceLock::new();
        SHARED.get_or_init(|| {
            let (started, world) = std::sync::mpsc::channel();
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Runtime::new().unwrap();
                runtime.block_on(async {
                    started.send(Self::start().await).unwrap();
                    std::future::pending::<()>().await;
                });
            });
            world.recv().unwrap()
        })
    }

    /// One of its own, for a story that needs empty stores.
    pub(crate) async fn start() -> Self {
        let options = Options { ports: Ports::Ephemeral, ..Options::default() };
        Self { platform: Platform::start(options).await.unwrap() }
    }

    /// Somebody without a token.
    pub(crate) fn nobody(&self, entrance: Entrance) -> Client {
        let url = |service| self.platform.url_of(service).unwrap().to_owned();
        let addresses = Addresses {
            gateway: self.platform.url.clone(),
            auth: url("auth"),
            order: url("order"),
            notification: url("notification"),
        };
        Client::new(addresses, entrance)
    }

    /// A new customer with a phone.
    pub(crate) async fn customer(&self) -> Person {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let email = format!("customer{}@example.com", NEXT.fetch_add(1, Ordering::Relaxed));
        let registration = json!({
            "email": email, "password": PASSWORD, "first_name": "Jane", "last_name": "Doe", "phone": "+15551234567",
        });
        let nobody = self.nobody(Entrance::Direct);
        let user = nobody.post("/auth/register", &registration).await.ok(201);
        let client = self.sign_in(Entrance::Direct, &email, PASSWORD).await;
        Person { id: user["id"].as_str().unwrap().to_owned(), email, client }
    }

    /// The first administrator, at the services themselves.
    pub(crate) async fn admin(&self) -> Client {
        self.admin_by(Entrance::Direct).await
    }

    /// The first administrator.
    pub(crate) async fn admin_by(&self, entrance: Entrance) -> Client {
        self.sign_in(entrance, &self.platform.admin_email, &self.platform.admin_password).await
    }

    /// A service, as its operator-made token says.
    pub(crate) fn service(&self, service: &str, audience: &str) -> Client {
        let token = self.platform.service_token(service, audience).unwrap();
        self.nobody(Entrance::Direct).with_token(&token)
    }

    /// Every message of a stream so far that is about an order, by subject.
    pub(crate) async fn events_of(&self, order_id: &str) -> Vec<(String, Value)> {
        let jetstream = self.platform.jetstream().await.unwrap();
        let stream = jetstream.get_stream("ORDERS").await.unwrap();
        let last = stream.get_info().await.unwrap().state.last_sequence;
        let mut events = Vec::new();
        for sequence in 1..=last {
            let message = stream.get_raw_message(sequence).await.unwrap();
            let event: Value = serde_json::from_slice(&message.payload).unwrap();
            if event["payload"]["order_id"] == order_id {
                events.push((message.subject.to_string(), event));
            }
        }
        events
    }

    /// Waits for the event with that subject about that order.
    pub(crate) async fn event(&self, subject: &str, order_id: &str) -> Value {
        testbed::until(EVENTUALLY, subject, async || {
            let events = self.events_of(order_id).await;
            events.into_iter().find(|(found, _)| found == subject).map(|(_, event)| event)
        })
        .await
        .unwrap()
    }

    async fn sign_in(&self, entrance: Entrance, email: &str, password: &str) -> Client {
        let nobody = self.nobody(entrance);
        let pair = nobody.post("/auth/login", &json!({ "email": email, "password": password })).await.ok(200);
        nobody.with_token(pair["access_token"].as_str().unwrap())
    }
}

/// Waits until a list of notifications holds `count` that are no longer queued, and returns it.
pub(crate) async fn notifications(client: &Client, query: &str, count: usize) -> Value {
    let path = format!("/notifications?{query}");
    testbed::until(EVENTUALLY, "the notifications are sent", async || {
        let list = client.get(&path).await.ok(200);
        let done = list["data"].as_array().unwrap().iter().filter(|item| item["status"] != "queued").count();
        (done == count).then_some(list)
    })
    .await
    .unwrap()
}

/// The body of the example of `POST /orders`.
pub(crate) fn example_order() -> Value {
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

/// The answer to [`example_order`].
pub(crate) fn example_order_answer() -> Value {
    json!({
      "id": "<uuid>",
      "user_id": "<uuid>",
      "status": "pending",
      "items": [
        {
          "product_id": "f47ac10b-58cc-4372-a567-0e02b2c3d479",
          "product_name": "Wireless Headphones",
          "quantity": 2,
          "unit_price": 49.99,
          "subtotal": 99.98
        },
        {
          "product_id": "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
          "product_name": "USB-C Cable",
          "quantity": 1,
          "unit_price": 12.99,
          "subtotal": 12.99
        }
      ],
      "shipping_address": {
        "street": "742 Evergreen Terrace",
        "city": "Springfield",
        "state": "IL",
        "zip_code": "62704",
        "country": "US"
      },
      "total_amount": 112.97,
      "currency": "USD",
      "notes": "Please leave at the front door.",
      "confirmed_at": null,
      "shipped_at": null,
      "delivered_at": null,
      "created_at": "<time>",
      "updated_at": "<time>",
      "number": "<string>"
    })
}

/// Places the example order and returns its id.
pub(crate) async fn place_order(client: &Client) -> String {
    let order = client.post("/orders", &example_order()).await.ok(201);
    order["id"].as_str().unwrap().to_owned()
}

/// An id that nothing has.
pub(crate) fn unknown_id() -> String {
    uuid::Uuid::now_v7().to_string()
}
