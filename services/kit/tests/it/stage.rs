//! A consumer under test: its handler, what it did, and how it is made to fail.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::anyhow;
use async_nats::HeaderMap;
use async_nats::jetstream::consumer::{FromConsumer as _, PullConsumer, pull};
use kit::client::ClientError;
use kit::consumer::{Consumers, Failure, Handlers, LookupHandler, Received};
use kit::database::{Database, Query, Transaction};
use kit::dead_letters::DeadLetters;
use kit::events::{Destination, Envelope, Event, OrderCreated, OrderShipped};
use kit::lifecycle::Shutdown;
use kit::metrics::Registry;
use kit::money::{Amount, Currency};
use sqlx::PgPool;
use testbed::{Postgres, TestDatabase};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::world::{LIMIT, Shared, World, eventually};

pub(crate) const CONSUMER: &str = "notification-orders";

/// What happens when the handler gets an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Fails each time, as poison does.
    Fails,
    /// Is refused at once.
    Rejects,
    /// Fails the first time by a panic.
    PanicsOnce,
    /// Never ends, as if its process were about to die.
    Hangs,
    /// Always meets something unavailable, although others do not.
    NeverNow,
    /// Takes this many milliseconds.
    Takes(u64),
}

/// Writes a row per event, unless told otherwise.
#[derive(Clone, Default)]
pub(crate) struct Effects {
    pub(crate) fates: Shared<HashMap<Uuid, Fate>>,
    /// Every try, by event.
    pub(crate) tries: Shared<Vec<(Uuid, Instant)>>,
    /// Whether the service that is asked first is unavailable.
    pub(crate) callee_unavailable: Arc<AtomicBool>,
    /// Tries under way, and those that were alone.
    running: Shared<HashSet<Uuid>>,
    pub(crate) overlapped: Shared<HashSet<Uuid>>,
}

impl Effects {
    pub(crate) fn tries_of(&self, event_id: Uuid) -> Vec<Instant> {
        self.tries.lock().unwrap().iter().filter(|(id, _)| *id == event_id).map(|(_, at)| *at).collect()
    }

    pub(crate) fn set(&self, order_id: Uuid, fate: Fate) {
        self.fates.lock().unwrap().insert(order_id, fate);
    }

    pub(crate) fn heal(&self, order_id: Uuid) {
        self.fates.lock().unwrap().remove(&order_id);
    }

    fn begin(&self, event_id: Uuid) -> Running<'_> {
        let mut running = self.running.lock().unwrap();
        if !running.is_empty() {
            self.overlapped.lock().unwrap().insert(event_id);
            self.overlapped.lock().unwrap().extend(running.iter());
        }
        running.insert(event_id);
        Running(&self.running, event_id)
    }

    async fn apply(
        &self,
        transaction: &mut Transaction,
        event_id: Uuid,
        order_id: Uuid,
    ) -> Result<(), Failure> {
        let _running = self.begin(event_id);
        self.tries.lock().unwrap().push((event_id, Instant::now()));
        let fate = self.fates.lock().unwrap().get(&order_id).copied();
        match fate {
            Some(Fate::Fails) => return Err(Failure::retry(anyhow!("the order is\npoison"))),
            Some(Fate::Rejects) => return Err(Failure::reject(anyhow!("the order is bad"))),
            Some(Fate::PanicsOnce) => {
                self.heal(order_id);
                panic!("on purpose");
            }
            Some(Fate::Hangs) => std::future::pending().await,
            Some(Fate::NeverNow) => return Err(Failure::not_now(anyhow!("its shard is unavailable"))),
            Some(Fate::Takes(millis)) => tokio::time::sleep(Duration::from_millis(millis)).await,
            None => {}
        }
        transaction.execute("INSERT INTO effect (event_id) VALUES ($1)", &[&event_id]).await?;
        Ok(())
    }
}

struct Running<'a>(&'a Shared<HashSet<Uuid>>, Uuid);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.lock().unwrap().remove(&self.1);
    }
}

trait OrderEvent: Event {
    fn order_id(&self) -> Uuid;
}

impl OrderEvent for OrderCreated {
    fn order_id(&self) -> Uuid {
        self.order_id
    }
}

impl OrderEvent for OrderShipped {
    fn order_id(&self) -> Uuid {
        self.order_id
    }
}

impl<E: OrderEvent> LookupHandler<E> for Effects {
    type Facts = ();

    async fn look_up(&self, _: &Received<E>) -> Result<(), Failure> {
        if self.callee_unavailable.load(Ordering::SeqCst) {
            return Err(ClientError::Unavailable { service: "order".to_owned(), source: None }.into());
        }
        Ok(())
    }

    async fn handle(
        &self,
        transaction: &mut Transaction,
        event: &Received<E>,
        (): (),
    ) -> Result<(), Failure> {
        self.apply(transaction, event.event_id, event.payload.order_id()).await
    }
}

/// A world with the table that [`Effects`] writes.
pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) effects: Effects,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        Self::with(World::new().await).await
    }

    /// On a PostgreSQL server that the test may stop.
    pub(crate) async fn on(postgres: &Postgres) -> Self {
        let test: TestDatabase = postgres.database(&[&kit::database::migrator()]).await;
        Self::with(World::on(test).await).await
    }

    async fn with(world: World) -> Self {
        sqlx::query("CREATE TABLE effect (event_id uuid NOT NULL)").execute(&world.pool).await.unwrap();
        Self { world, effects: Effects::default() }
    }

    /// One process of the service.
    pub(crate) fn start(&self) -> Process {
        let effects = self.effects.clone();
        let handlers = Handlers::new()
            .on_with_lookup::<OrderCreated>(effects.clone())
            .on_with_lookup::<OrderShipped>(effects);
        Process::start(&self.world, |consumers| consumers.consume(CONSUMER, handlers).unwrap())
    }

    pub(crate) async fn count(&self) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM effect").fetch_one(&self.world.pool).await.unwrap()
    }

    /// Asserts that each of these took effect, and once.
    pub(crate) async fn took_effect_once(&self, mut expected: Vec<Uuid>) {
        let mut found: Vec<Uuid> =
            sqlx::query_scalar("SELECT event_id FROM effect").fetch_all(&self.world.pool).await.unwrap();
        found.sort();
        expected.sort();
        assert_eq!(found, expected);
    }

    pub(crate) async fn dead_letters(&self) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM inbox_dead_letters")
            .fetch_one(&self.world.pool)
            .await
            .unwrap()
    }

    /// Failures that were counted, of all events.
    pub(crate) async fn failures(&self) -> i64 {
        sqlx::query_scalar("SELECT coalesce(sum(failures), 0) FROM inbox")
            .fetch_one(&self.world.pool)
            .await
            .unwrap()
    }

    pub(crate) async fn publish(&self, order: OrderCreated) -> Uuid {
        let envelope = Envelope::new(order, &*self.world.clock);
        self.publish_text(OrderCreated::SUBJECT, &serde_json::to_string(&envelope).unwrap()).await;
        envelope.event_id
    }

    /// As the relay does, with the event's id as the message's.
    pub(crate) async fn publish_as(&self, event_id: Uuid, text: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", event_id.to_string());
        let sent =
            self.world.jetstream.publish_with_headers(OrderCreated::SUBJECT, headers, text.to_owned().into());
        sent.await.unwrap().await.unwrap().duplicate
    }

    pub(crate) async fn publish_many(&self, count: usize) -> Vec<Uuid> {
        let mut ids = Vec::new();
        for _ in 0..count {
            ids.push(self.publish(order()).await);
        }
        ids
    }

    pub(crate) async fn publish_text(&self, subject: &'static str, text: &str) {
        self.world.jetstream.publish(subject, text.to_owned().into()).await.unwrap().await.unwrap();
    }

    /// Waits until the consumer has nothing left that is not answered.
    pub(crate) async fn settled(&self) {
        eventually("every delivery is answered", async || {
            let consumer: Result<PullConsumer, _> =
                self.world.jetstream.get_consumer_from_stream(CONSUMER, "ORDERS").await;
            let Ok(mut consumer) = consumer else { return false };
            let Ok(info) = consumer.info().await else { return false };
            info.num_ack_pending == 0 && info.num_pending == 0
        })
        .await;
    }

    /// How often the server has delivered something to the consumer.
    pub(crate) async fn deliveries(&self) -> u64 {
        let mut consumer: PullConsumer =
            self.world.jetstream.get_consumer_from_stream(CONSUMER, "ORDERS").await.unwrap();
        consumer.info().await.unwrap().delivered.consumer_sequence
    }

    /// What is not answered comes again after this.
    pub(crate) async fn ack_wait(&self, ack_wait: Duration) {
        let stream = self.world.jetstream.get_stream("ORDERS").await.unwrap();
        let config = stream.consumer_info(CONSUMER).await.unwrap().config;
        let mut config = pull::Config::try_from_consumer_config(config).unwrap();
        config.ack_wait = ack_wait;
        stream.update_consumer(config).await.unwrap();
    }
}

/// The consumers and effects of one process.
pub(crate) struct Process {
    pub(crate) letters: DeadLetters,
    pub(crate) metrics: Registry,
    shutdown: Shutdown,
    tasks: Vec<JoinHandle<()>>,
}

impl Process {
    pub(crate) fn start(world: &World, with: impl FnOnce(Consumers) -> Consumers) -> Self {
        Self::on(world, world.database.clone(), with)
    }

    pub(crate) fn on(world: &World, database: Database, with: impl FnOnce(Consumers) -> Consumers) -> Self {
        let metrics = Registry::new("notification");
        let (jetstream, clock) = (world.jetstream.clone(), world.clock.clone());
        let consumers = with(Consumers::new("notification", database, jetstream, clock, &metrics).unwrap());
        let letters = consumers.dead_letters();
        let tasks = consumers.tasks(&letters).unwrap();
        let shutdown = Shutdown::new();
        let tasks = tasks.into_iter().map(|task| tokio::spawn(task.supervise(shutdown.clone()))).collect();
        Self { letters, metrics, shutdown, tasks }
    }

    /// Stops in good order.
    pub(crate) async fn stop(self) {
        self.shutdown.trigger();
        for task in self.tasks {
            tokio::time::timeout(LIMIT, task).await.expect("it stops").unwrap();
        }
    }

    /// Ends it wherever it stands, as kill -9 does.
    pub(crate) async fn kill(self) {
        for task in &self.tasks {
            task.abort();
        }
        for task in self.tasks {
            let _ = task.await;
        }
    }
}

pub(crate) fn order() -> OrderCreated {
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

pub(crate) fn destination() -> Destination {
    Destination { city: "Springfield".to_owned(), state: Some("IL".to_owned()), country: "US".to_owned() }
}

/// The published copies of dead letters.
pub(crate) async fn copies(world: &World) -> Vec<async_nats::jetstream::Message> {
    world.messages("DEADLETTERS").await
}

pub(crate) async fn scalar(pool: &PgPool, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(pool).await.unwrap()
}
