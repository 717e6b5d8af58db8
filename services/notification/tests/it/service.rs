//! The notification service with everything around it, and what its tests ask of it.

use std::ops::Deref;
use std::time::Duration;

use async_nats::jetstream;
use chrono::{TimeDelta, Utc};
use kit::Service as _;
use kit::clock::ManualClock;
use notification::{Config, EmailProvider, Notification, SmsProvider, Tls};
use serde_json::{Value, json};
use sqlx::PgPool;
use tempfile::TempDir;
use testing::suite::Sample;
use testing::{Answer, Caller, Client, Setup, TestService};
use uuid::Uuid;
use wiremock::matchers::{any, bearer_token, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::smtp_catcher::Catcher;

/// Longer than anything takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// The number of every order.
pub(crate) const NUMBER: &str = "7K4M-9PR2-XHTF";

/// The service under test. Its clock stands still unless moved.
pub(crate) struct Service {
    service: TestService,
    pub(crate) pool: PgPool,
    pub(crate) jetstream: jetstream::Context,
    pub(crate) mail: Catcher,
    pub(crate) twilio: MockServer,
    pub(crate) orders: MockServer,
    pub(crate) users: MockServer,
    /// Without a token; every answer is held against the description of the API.
    pub(crate) client: Client,
    _nats: testbed::Nats,
    _files: TempDir,
}

impl Deref for Service {
    type Target = TestService;

    fn deref(&self) -> &TestService {
        &self.service
    }
}

/// How its routes are asked so that they succeed.
pub(crate) struct Samples;

impl testing::suite::Samples for Samples {
    type Service = Notification;

    // What its event is about would have to be read from the other services.
    const NEEDS_OTHERS: &'static [&'static str] = &["POST /notifications/dead-letters/{id}/redrive"];

    async fn setup() -> Setup<Notification> {
        // Ends with the test's process: only a connection is needed, and nothing is published.
        let nats = Box::leak(Box::new(testbed::Nats::start().await.unwrap()));
        Setup { jetstream: Some(nats.provision().await.unwrap()), ..Setup::default() }
    }

    async fn sample(service: &TestService, route: &'static str) -> Sample {
        let path = route.split_once(' ').unwrap().1;
        let id = if path.contains("dead-letters") {
            dead_letter(service.pool()).await
        } else {
            notification(service.pool(), testing::jane()).await
        };
        let path = path.replace("{user_id}", &testing::jane().to_string()).replace("{id}", &id.to_string());
        match route {
            "POST /notifications/dead-letters/{id}/discard" | "POST /notifications/dead-letters/discard" => {
                Sample::with(path, json!({ "reason": "It was a test." }))
            }
            "POST /notifications/dead-letters/redrive" => {
                Sample::with(path, json!({ "subject": "order.shipped" }))
            }
            _ => Sample::get(path),
        }
    }
}

/// A notification that was sent to `user_id`.
async fn notification(pool: &PgPool, user_id: Uuid) -> Uuid {
    sqlx::query_scalar(
        "INSERT INTO notifications (user_id, channel, type, recipient, subject, body, status, sent_at)
         VALUES ($1, 'email', 'order_created', 'jane.doe@example.com', 'Hello', 'Hello', 'sent', now())
         RETURNING id",
    )
    .bind(user_id)
    .fetch_one(pool)
    .await
    .unwrap()
}

/// An event that was given up.
async fn dead_letter(pool: &PgPool) -> Uuid {
    let id = Uuid::now_v7();
    sqlx::query(
        "INSERT INTO inbox_dead_letters (id, consumer, message, event_id, subject, stream, stream_sequence, stored_at,
                                         payload, cause, attempts, created_at, published_at)
         VALUES ($1, 'notification-orders', $2, $1, 'order.shipped', 'ORDERS', 1, now(), '{}',
                 'it was a test', 1, now(), now())",
    )
    .bind(id)
    .bind(id.to_string())
    .execute(pool)
    .await
    .unwrap();
    id
}

impl Service {
    /// With SMTP and Twilio.
    pub(crate) async fn start() -> Self {
        Self::on(testbed::Postgres::shared().await, true).await
    }

    /// With the defaults, which only log.
    pub(crate) async fn start_logging() -> Self {
        Self::on(testbed::Postgres::shared().await, false).await
    }

    /// On a server that the test may stop.
    pub(crate) async fn on(postgres: &testbed::Postgres, real_providers: bool) -> Self {
        let database = testing::database::<Notification>(postgres).await.unwrap();
        Self::with(database, real_providers).await
    }

    /// With a database that may hold something already.
    pub(crate) async fn with(database: testbed::TestDatabase, real_providers: bool) -> Self {
        let nats = testbed::Nats::start().await.unwrap();
        let jetstream = nats.provision().await.unwrap();
        let (orders, users, twilio) =
            (MockServer::start().await, MockServer::start().await, MockServer::start().await);
        let mail = Catcher::start().await;
        let files = TempDir::new().unwrap();
        for (file, content) in
            [("order", "for-order"), ("auth", "for-auth"), ("account_sid", "AC1"), ("auth_token", "secret")]
        {
            std::fs::write(files.path().join(file), content).unwrap();
        }
        let mut shared = kit::config::Service::of(Notification::NAME);
        "test".clone_into(&mut shared.instance);
        shared.tokens_dir = files.path().to_owned();
        shared.services.insert("order".to_owned(), orders.uri().parse().unwrap());
        shared.services.insert("auth".to_owned(), users.uri().parse().unwrap());
        let config = if real_providers { providers(&mail, &twilio, &files) } else { Config::default() };
        let setup: Setup<Notification> = Setup {
            config,
            shared,
            jetstream: Some(jetstream.clone()),
            database: Some(database),
            clock: ManualClock::at(Utc::now()),
            ..Setup::default()
        };
        Mock::given(any())
            .respond_with(ResponseTemplate::new(201).set_body_json(json!({"sid": "SM1"})))
            .with_priority(9)
            .mount(&twilio)
            .await;
        let mut service = TestService::start_with(setup).await;
        service.run_tasks();
        let (client, pool) = (service.client(), service.pool().clone());
        Self { service, pool, jetstream, mail, twilio, orders, users, client, _nats: nats, _files: files }
    }

    /// Lets time pass, until effects that failed are due again.
    pub(crate) fn advance(&self, delta: TimeDelta) {
        self.clock.advance(delta);
    }

    /// Waits until every planned message is sent, given up, or waits for its next try.
    pub(crate) async fn attempted(&self, attempts: i64) {
        testbed::until(PATIENCE, "the messages are attempted", async || {
            let made: i64 = sqlx::query_scalar(
                "SELECT (SELECT coalesce(sum(attempts), 0) FROM notifications)
                      - (SELECT count(*) FROM effects WHERE leased_until > now())",
            )
            .fetch_one(&self.pool)
            .await
            .ok()?;
            (made >= attempts).then_some(())
        })
        .await
        .unwrap();
    }

    pub(crate) fn admin(&self) -> Client {
        self.as_(Caller::Admin)
    }

    pub(crate) fn customer(&self, user_id: Uuid) -> Client {
        self.as_(Caller::User(user_id))
    }

    /// The order service knows this order from now on; it answers only this service's token.
    pub(crate) async fn order(&self, order_id: Uuid, user_id: Uuid) {
        let order = json!({
            "id": order_id, "number": NUMBER, "user_id": user_id, "status": "pending",
            "items": [{"product_id": Uuid::now_v7(), "product_name": "Wireless Headphones", "quantity": 2,
                       "unit_price": 49.99, "subtotal": 99.98}],
            "shipping_address": {"street": "742 Evergreen Terrace", "city": "Springfield", "state": "IL",
                                 "zip_code": "62704", "country": "US"},
            "total_amount": 99.98, "currency": "USD", "notes": null,
        });
        Mock::given(method("GET"))
            .and(path(format!("/orders/{order_id}")))
            .and(bearer_token("for-order"))
            .respond_with(ResponseTemplate::new(200).set_body_json(order))
            .mount(&self.orders)
            .await;
    }

    /// The auth service knows this user from now on; a later call replaces an earlier one.
    pub(crate) async fn user(&self, user_id: Uuid, email: &str, phone: Option<&str>) {
        let user = json!({
            "id": user_id, "email": email, "first_name": "Jane", "last_name": "Doe", "phone": phone,
            "role": "customer", "is_active": true,
        });
        self.users.reset().await;
        Mock::given(method("GET"))
            .and(path(format!("/auth/users/{user_id}")))
            .and(bearer_token("for-auth"))
            .respond_with(ResponseTemplate::new(200).set_body_json(user))
            .mount(&self.users)
            .await;
    }

    /// Jane with a phone, and her order.
    pub(crate) async fn jane(&self) -> (Uuid, Uuid) {
        let (user_id, order_id) = (Uuid::now_v7(), Uuid::new_v4());
        self.user(user_id, "jane.doe@example.com", Some("+15551234567")).await;
        self.order(order_id, user_id).await;
        (user_id, order_id)
    }

    /// Twilio answers the next messages with this status.
    pub(crate) async fn twilio_fails(&self, status: u16, times: u64) {
        Mock::given(any())
            .respond_with(ResponseTemplate::new(status).set_body_json(json!({"code": 1, "message": "no"})))
            .up_to_n_times(times)
            .with_priority(1)
            .mount(&self.twilio)
            .await;
    }

    pub(crate) async fn texts(&self) -> usize {
        self.twilio.received_requests().await.unwrap().len()
    }

    /// Publishes a message as a new one, whatever it holds.
    pub(crate) async fn publish(&self, subject: &'static str, body: Vec<u8>) {
        self.jetstream.publish(subject, body.into()).await.unwrap().await.unwrap();
    }

    /// Publishes `OrderCreated`.
    pub(crate) async fn created(&self, event_id: Uuid, order_id: Uuid, user_id: Uuid) {
        let event = json!({
            "event_id": event_id, "event_type": "OrderCreated", "timestamp": "2026-02-17T11:00:00.000Z",
            "version": "1.0",
            "payload": {"order_id": order_id, "user_id": user_id, "status": "pending", "total_amount": 99.98,
                        "currency": "USD", "items_count": 1,
                        "shipping_address": {"city": "Springfield", "state": "IL", "country": "US"}},
        });
        self.publish("order.created", event.to_string().into_bytes()).await;
    }

    /// Publishes `OrderShipped`.
    pub(crate) async fn shipped(&self, event_id: Uuid, order_id: Uuid, user_id: Uuid) {
        let event = json!({
            "event_id": event_id, "event_type": "OrderShipped", "timestamp": "2026-02-18T09:30:00.000Z",
            "version": "1.0",
            "payload": {"order_id": order_id, "user_id": user_id, "status": "shipped",
                        "shipped_at": "2026-02-18T09:30:00.000Z",
                        "shipping_address": {"city": "Springfield", "state": "IL", "country": "US"}},
        });
        self.publish("order.shipped", event.to_string().into_bytes()).await;
    }

    /// Waits until the first `messages` of a consumer's stream are answered for good.
    pub(crate) async fn settled(&self, stream: &str, durable: &str, messages: u64) {
        testbed::until(PATIENCE, "messages are settled", async || {
            let stream = self.jetstream.get_stream(stream).await.ok()?;
            let info = stream.consumer_info(durable).await.ok()?;
            (info.ack_floor.stream_sequence >= messages).then_some(())
        })
        .await
        .unwrap();
    }

    /// Waits until a user's list is as `expected` says, and answers it, mail first.
    pub(crate) async fn notifications(
        &self,
        user_id: Uuid,
        expected: impl Fn(&[Value]) -> bool,
    ) -> Vec<Value> {
        self.notifications_of(user_id, 20, expected).await
    }

    /// The same with a longer list.
    pub(crate) async fn notifications_of(
        &self,
        user_id: Uuid,
        limit: usize,
        expected: impl Fn(&[Value]) -> bool,
    ) -> Vec<Value> {
        let client = self.customer(user_id);
        let path = format!("/notifications?limit={limit}");
        testbed::until(PATIENCE, "the notifications are as expected", async || {
            let mut data = client.get(&path).await.json()["data"].as_array()?.clone();
            data.sort_by_key(|notification| notification["channel"].to_string());
            expected(&data).then_some(data)
        })
        .await
        .unwrap()
    }

    /// Waits for `count` dead letters and answers them, newest first.
    pub(crate) async fn dead_letters(&self, count: usize) -> Vec<Value> {
        let client = self.admin();
        testbed::until(PATIENCE, "the dead letters are there", async || {
            let data = client.get("/notifications/dead-letters").await.json()["data"].as_array()?.clone();
            (data.len() == count).then_some(data)
        })
        .await
        .unwrap()
    }

    pub(crate) async fn redrive(&self, letter: &Value) -> Answer {
        let id = letter["id"].as_str().unwrap();
        self.admin().post(&format!("/notifications/dead-letters/{id}/redrive"), &json!({})).await
    }
}

fn providers(mail: &Catcher, twilio: &MockServer, files: &TempDir) -> Config {
    let mut config = Config::default();
    config.email.provider = EmailProvider::Smtp;
    "127.0.0.1".clone_into(&mut config.email.host);
    config.email.port = mail.port;
    config.email.tls = Tls::None;
    config.sms.provider = SmsProvider::Twilio;
    config.sms.base_url = twilio.uri();
    "+15550001234".clone_into(&mut config.sms.from);
    config.sms.credentials_dir = Some(files.path().to_owned());
    config
}

/// Whether all are in this state.
pub(crate) fn all(status: &str, count: usize) -> impl Fn(&[Value]) -> bool {
    move |found| found.len() == count && found.iter().all(|notification| notification["status"] == status)
}
