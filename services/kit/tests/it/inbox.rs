//! Events take effect exactly once, and what cannot take effect is kept.

use std::time::{Duration, Instant};

use async_nats::jetstream::consumer::{FromConsumer as _, pull};
use kit::events::{Destination, Envelope, Event, OrderCreated, OrderShipped};
use kit::inbox::{Delivery, HandleError, Handler, Handlers, Runner};
use kit::money::{Amount, Currency};
use kit::timestamp::Timestamp;
use sqlx::PgPool;
use uuid::Uuid;

use crate::world::{LIMIT, Running, Shared, World, eventually};

const CONSUMER: &str = "notification-orders";

fn consumer() -> &'static topology::Consumer {
    &topology::service("notification").unwrap().consumers[0]
}

fn created() -> OrderCreated {
    OrderCreated {
        order_id: Uuid::now_v7(),
        user_id: Uuid::now_v7(),
        status: "pending".to_owned(),
        total_amount: Amount::new(11297, 2),
        currency: Currency::USD,
        items_count: 2,
        shipping_address: destination(),
    }
}

fn destination() -> Destination {
    Destination { city: "Springfield".to_owned(), state: Some("IL".to_owned()), country: "US".to_owned() }
}

/// Does what every handler does: inbox row and effect in one transaction. Orders in `poison` always fail.
#[derive(Clone)]
struct Effects {
    pool: PgPool,
    poison: Uuid,
    deliveries: Shared<Vec<(Uuid, u32, Instant)>>,
}

impl Effects {
    async fn new(world: &World, poison: Uuid) -> Self {
        sqlx::query("CREATE TABLE effect (event_id uuid NOT NULL)").execute(&world.pool).await.unwrap();
        Self { pool: world.pool.clone(), poison, deliveries: Shared::default() }
    }

    async fn count(&self) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM effect").fetch_one(&self.pool).await.unwrap()
    }

    fn deliveries_of(&self, event_id: Uuid) -> Vec<u32> {
        let deliveries = self.deliveries.lock().unwrap();
        deliveries.iter().filter(|(id, ..)| *id == event_id).map(|(_, attempt, _)| *attempt).collect()
    }

    async fn apply(&self, delivery: &Delivery, event_id: Uuid, order_id: Uuid) -> Result<(), HandleError> {
        self.deliveries.lock().unwrap().push((event_id, delivery.attempt, Instant::now()));
        if order_id == self.poison {
            return Err(HandleError::Retry(anyhow::anyhow!("the order is\npoison")));
        }
        let mut transaction = self.pool.begin().await?;
        if !kit::inbox::record(&mut transaction, delivery.durable, event_id).await? {
            return Ok(());
        }
        sqlx::query("INSERT INTO effect VALUES ($1)").bind(event_id).execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(())
    }
}

impl Handler<OrderCreated> for Effects {
    async fn handle(&self, delivery: &Delivery, envelope: Envelope<OrderCreated>) -> Result<(), HandleError> {
        self.apply(delivery, envelope.event_id, envelope.payload.order_id).await
    }
}

impl Handler<OrderShipped> for Effects {
    async fn handle(&self, delivery: &Delivery, envelope: Envelope<OrderShipped>) -> Result<(), HandleError> {
        self.apply(delivery, envelope.event_id, envelope.payload.order_id).await
    }
}

fn start(world: &World, effects: &Effects) -> Running {
    let handlers = Handlers::new().on::<OrderCreated>(effects.clone()).on::<OrderShipped>(effects.clone());
    let runner = Runner::new(consumer(), world.jetstream.clone(), handlers, &world.metrics);
    Running::start(move |shutdown| runner.clone().run(shutdown))
}

async fn publish<E: Event>(world: &World, payload: E) -> Uuid {
    let envelope = Envelope::new(payload, &*world.clock);
    publish_text(world, E::SUBJECT, &serde_json::to_string(&envelope).unwrap()).await;
    envelope.event_id
}

async fn publish_text(world: &World, subject: &'static str, text: &str) {
    world.jetstream.publish(subject, text.to_owned().into()).await.unwrap().await.unwrap();
}

/// Waits until the consumer has nothing left that is not settled.
async fn settled(world: &World) {
    eventually("every delivery is answered", async || {
        let mut consumer: async_nats::jetstream::consumer::PullConsumer =
            world.jetstream.get_consumer_from_stream(CONSUMER, "ORDERS").await.unwrap();
        let info = consumer.info().await.unwrap();
        info.num_ack_pending == 0 && info.num_pending == 0
    })
    .await;
}

#[tokio::test]
async fn both_types_of_event_take_effect() {
    let world = World::new().await;
    let effects = Effects::new(&world, Uuid::nil()).await;
    let running = start(&world, &effects);
    publish(&world, created()).await;
    let shipped = OrderShipped {
        order_id: Uuid::now_v7(),
        user_id: Uuid::now_v7(),
        status: "shipped".to_owned(),
        shipped_at: Timestamp::now(&*world.clock),
        shipping_address: destination(),
    };
    publish(&world, shipped).await;
    eventually("both took effect", async || effects.count().await == 2).await;
    settled(&world).await;
    running.stop().await;
    assert!(world.metrics.encode().contains(
        "consumer_deliveries_total{service=\"order\",consumer=\"notification-orders\",outcome=\"handled\"} 2"
    ));
}

#[tokio::test]
async fn a_second_delivery_changes_nothing() {
    let world = World::new().await;
    let effects = Effects::new(&world, Uuid::nil()).await;
    let running = start(&world, &effects);
    let envelope = Envelope::new(created(), &*world.clock);
    let text = serde_json::to_string(&envelope).unwrap();
    for _ in 0..5 {
        publish_text(&world, OrderCreated::SUBJECT, &text).await;
    }
    eventually("all five were delivered", async || effects.deliveries_of(envelope.event_id).len() == 5).await;
    settled(&world).await;
    running.stop().await;
    assert_eq!(effects.count().await, 1);
}

#[tokio::test]
async fn poison_becomes_a_dead_letter_and_neighbours_go_on() {
    let world = World::new().await;
    let bad = created();
    let effects = Effects::new(&world, bad.order_id).await;
    let running = start(&world, &effects);
    let poison = publish(&world, bad).await;
    eventually("the poison was tried", async || !effects.deliveries_of(poison).is_empty()).await;

    let before = Instant::now();
    for _ in 0..50 {
        publish(&world, created()).await;
    }
    eventually("the neighbours took effect", async || effects.count().await == 50).await;
    assert!(before.elapsed() < Duration::from_secs(5), "neighbours waited {:?}", before.elapsed());
    assert!(effects.deliveries_of(poison).len() < 4, "while the poison was still being tried");

    let limit = LIMIT + Duration::from_secs(21);
    testbed::until(limit, "the poison is a dead letter", async || {
        (!world.messages("DEADLETTERS").await.is_empty()).then_some(())
    })
    .await
    .unwrap();
    settled(&world).await;
    running.stop().await;

    assert_eq!(effects.deliveries_of(poison), [1, 2, 3, 4]);
    let letters = world.messages("DEADLETTERS").await;
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].subject.as_str(), "dlx.order.created.failed");
    let header = |name: &str| letters[0].headers.as_ref().unwrap().get(name).unwrap().as_str().to_owned();
    assert_eq!(header("Shopflow-Cause"), "the order is poison");
    assert_eq!(header("Shopflow-Attempts"), "4");
    assert_eq!(header("Shopflow-Consumer"), CONSUMER);
    assert_eq!(header("Shopflow-Stream"), "ORDERS");
    assert_eq!(header("Shopflow-Sequence"), "1");
    assert_eq!(header("Shopflow-Subject"), "order.created");
    assert_eq!(header("Shopflow-Event-Id"), poison.to_string());
    pauses_are_1_4_16(&effects, poison);
}

fn pauses_are_1_4_16(effects: &Effects, poison: Uuid) {
    let deliveries = effects.deliveries.lock().unwrap();
    let times: Vec<Instant> =
        deliveries.iter().filter(|(id, ..)| *id == poison).map(|(.., at)| *at).collect();
    for (pair, seconds) in times.windows(2).zip([1.0, 4.0, 16.0]) {
        let pause = (pair[1] - pair[0]).as_secs_f64();
        assert!(pause >= seconds - 0.1 && pause < seconds + 3.0, "{pause} s instead of {seconds} s");
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_a_dead_letter_at_once() {
    let world = World::new().await;
    let effects = Effects::new(&world, Uuid::nil()).await;
    let running = start(&world, &effects);
    publish_text(&world, "order.created", "not json").await;
    publish_text(&world, "order.shipped", r#"{"event_type":"OrderCreated","version":"1.0"}"#).await;
    eventually("both are dead letters", async || world.messages("DEADLETTERS").await.len() == 2).await;
    settled(&world).await;
    running.stop().await;
    for letter in world.messages("DEADLETTERS").await {
        assert_eq!(letter.headers.as_ref().unwrap().get("Shopflow-Attempts").unwrap().as_str(), "1");
    }
    assert!(effects.deliveries.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_panicking_handler_is_a_failure_like_any_other() {
    struct Panics(Shared<u32>);
    impl Handler<OrderCreated> for Panics {
        async fn handle(&self, _: &Delivery, _: Envelope<OrderCreated>) -> Result<(), HandleError> {
            let mut calls = self.0.lock().unwrap();
            *calls += 1;
            let first = *calls == 1;
            drop(calls);
            assert!(!first, "the first call panics");
            Ok(())
        }
    }
    let world = World::new().await;
    let calls = Shared::<u32>::default();
    let effects = Effects::new(&world, Uuid::nil()).await;
    let handlers = Handlers::new().on::<OrderCreated>(Panics(calls.clone())).on::<OrderShipped>(effects);
    let runner = Runner::new(consumer(), world.jetstream.clone(), handlers, &world.metrics);
    let running = Running::start(move |shutdown| runner.clone().run(shutdown));
    publish(&world, created()).await;
    eventually("it was called again", async || *calls.lock().unwrap() == 2).await;
    settled(&world).await;
    running.stop().await;
}

/// Takes events and never ends, as if its process were about to die.
#[derive(Clone, Default)]
struct Hangs(Shared<Vec<u32>>);

impl<E: Event> Handler<E> for Hangs {
    async fn handle(&self, delivery: &Delivery, _: Envelope<E>) -> Result<(), HandleError> {
        self.0.lock().unwrap().push(delivery.attempt);
        std::future::pending().await
    }
}

/// How often the server has delivered something to the consumer.
async fn deliveries(world: &World) -> u64 {
    let mut consumer: async_nats::jetstream::consumer::PullConsumer =
        world.jetstream.get_consumer_from_stream(CONSUMER, "ORDERS").await.unwrap();
    consumer.info().await.unwrap().delivered.consumer_sequence
}

#[tokio::test]
async fn an_event_whose_process_dies_each_time_becomes_a_dead_letter() {
    let world = World::new().await;
    let stream = world.jetstream.get_stream("ORDERS").await.unwrap();
    let config = stream.consumer_info(CONSUMER).await.unwrap().config;
    let mut config = pull::Config::try_from_consumer_config(config).unwrap();
    config.ack_wait = Duration::from_millis(200);
    stream.update_consumer(config).await.unwrap();
    // Dead letters cannot be stored at first, so that the process also dies over the dead letter.
    let letters = world.jetstream.get_stream("DEADLETTERS").await.unwrap().cached_info().config.clone();
    world.jetstream.delete_stream("DEADLETTERS").await.unwrap();

    let hangs = Hangs::default();
    let start = || {
        let handlers = Handlers::new().on::<OrderCreated>(hangs.clone()).on::<OrderShipped>(hangs.clone());
        let runner = Runner::new(consumer(), world.jetstream.clone(), handlers, &world.metrics);
        Running::start(move |shutdown| runner.clone().run(shutdown))
    };
    publish(&world, created()).await;
    for delivery in 1..=6 {
        let running = start();
        eventually("it is delivered again", async || deliveries(&world).await >= delivery).await;
        running.kill().await;
    }
    world.jetstream.create_stream(letters).await.unwrap();
    let running = start();
    eventually("it is a dead letter", async || !world.messages("DEADLETTERS").await.is_empty()).await;
    running.kill().await;

    let attempts = hangs.0.lock().unwrap().clone();
    assert!(attempts.iter().all(|attempt| *attempt <= kit::inbox::MAX_ATTEMPTS), "{attempts:?}");
    let letters = world.messages("DEADLETTERS").await;
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].subject.as_str(), "dlx.order.created.failed");
    let headers = letters[0].headers.as_ref().unwrap();
    assert!(headers.get("Shopflow-Cause").unwrap().as_str().contains("was not answered"));
}

#[tokio::test]
async fn consuming_goes_on_after_nats_was_away() {
    let world = World::new().await;
    let effects = Effects::new(&world, Uuid::nil()).await;
    let running = start(&world, &effects);
    publish(&world, created()).await;
    eventually("the first took effect", async || effects.count().await == 1).await;
    world.nats.stop().await.unwrap();
    world.nats.start_again().await.unwrap();
    eventually("the client is back", async || world.jetstream.get_stream("ORDERS").await.is_ok()).await;
    publish(&world, created()).await;
    eventually("the second took effect", async || effects.count().await == 2).await;
    running.stop().await;
}

#[tokio::test]
async fn a_consumer_that_is_created_later_is_found() {
    let world = World::new().await;
    let effects = Effects::new(&world, Uuid::nil()).await;
    world.jetstream.delete_consumer_from_stream(CONSUMER, "ORDERS").await.unwrap();
    let running = start(&world, &effects);
    publish(&world, created()).await;
    world.nats.provision().await.unwrap();
    eventually("the event took effect", async || effects.count().await == 1).await;
    running.stop().await;
}
