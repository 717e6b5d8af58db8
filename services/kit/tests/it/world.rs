//! What the tests run against.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream;
use futures::StreamExt;
use kit::clock::{SharedClock, SystemClock};
use kit::config;
use kit::database::{Aggregate, Database};
use kit::events::{Event, OrderConfirmed};
use kit::lifecycle::Shutdown;
use kit::metrics::Registry;
use kit::outbox::Relay;
use kit::timestamp::Timestamp;
use sqlx::PgPool;
use testbed::{Nats, Postgres, TestDatabase};
use tokio::task::JoinHandle;
use uuid::Uuid;

/// Long enough for a busy machine; no test waits this long when all is well.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);

/// A database with kit's tables, and a nats-server with the topology's streams, both of one test.
pub(crate) struct World {
    pub(crate) database: Database,
    /// The same database, for what tests assert.
    pub(crate) pool: PgPool,
    pub(crate) nats: Nats,
    pub(crate) client: async_nats::Client,
    pub(crate) jetstream: jetstream::Context,
    pub(crate) clock: SharedClock,
    pub(crate) metrics: Registry,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::on(test_database().await).await
    }

    /// With this database.
    pub(crate) async fn on(test: TestDatabase) -> Self {
        let nats = Nats::start().await.unwrap();
        nats.provision().await.unwrap();
        let metrics = Registry::new("order");
        let client = kit::messaging::connect(&nats_config(&nats), &metrics).await.unwrap();
        let jetstream = kit::messaging::jetstream(&client);
        eventually("the client is connected", async || {
            client.connection_state() == async_nats::connection::State::Connected
        })
        .await;
        let database = Database::from_url(&test.url, 10).unwrap();
        let clock = SystemClock::shared();
        Self { database, pool: test.pool, nats, client, jetstream, clock, metrics }
    }

    /// A relay with metrics of its own, as a new process has.
    pub(crate) fn relay(&self) -> Relay {
        Relay::new(self.database.clone(), self.jetstream.clone(), self.clock.clone(), &Registry::new("order"))
    }

    pub(crate) fn start_relay(&self) -> Running {
        let relay = self.relay();
        Running::start(move |shutdown| relay.clone().run(shutdown))
    }

    /// Writes an event in a transaction of its own.
    pub(crate) async fn append<E: Event>(&self, payload: &E) -> Uuid {
        self.append_about(Aggregate { id: Uuid::now_v7(), sequence: 1 }, payload).await
    }

    /// Writes an event about that aggregate in a transaction of its own.
    pub(crate) async fn append_about<E: Event>(&self, about: Aggregate, payload: &E) -> Uuid {
        let mut transaction = self.database.begin().await.unwrap();
        let id = transaction.publish(about, self.clock.now(), payload).unwrap();
        transaction.commit().await.unwrap();
        id
    }

    pub(crate) async fn pending(&self) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM outbox_pending").fetch_one(&self.pool).await.unwrap()
    }

    /// Ids of all messages that a stream stores, in order.
    pub(crate) async fn message_ids(&self, stream: &str) -> Vec<Uuid> {
        self.messages(stream)
            .await
            .iter()
            .map(|message| {
                message.headers.as_ref().unwrap().get("Nats-Msg-Id").unwrap().as_str().parse().unwrap()
            })
            .collect()
    }

    pub(crate) async fn messages(&self, stream: &str) -> Vec<jetstream::Message> {
        let mut stream = self.jetstream.get_stream(stream).await.unwrap();
        let count = stream.info().await.unwrap().state.messages;
        if count == 0 {
            return Vec::new();
        }
        let ordered = jetstream::consumer::pull::OrderedConfig::default();
        let messages = stream.create_consumer(ordered).await.unwrap().messages().await.unwrap();
        let count = usize::try_from(count).unwrap();
        tokio::time::timeout(LIMIT, messages.take(count).map(Result::unwrap).collect()).await.unwrap()
    }
}

/// A database with kit's tables.
pub(crate) async fn database() -> Database {
    Database::from_url(&test_database().await.url, 10).unwrap()
}

async fn test_database() -> TestDatabase {
    Postgres::shared().await.database(&[&kit::database::migrator()]).await
}

pub(crate) fn nats_config(nats: &Nats) -> config::Service {
    config::Service {
        nats_url: nats.url().to_owned(),
        nats_credentials: "/nowhere/user.creds".into(),
        instance: "test".to_owned(),
        ..config::Service::of("order")
    }
}

pub(crate) fn confirmed() -> OrderConfirmed {
    OrderConfirmed {
        order_id: Uuid::now_v7(),
        user_id: Uuid::now_v7(),
        status: "confirmed".to_owned(),
        confirmed_at: Timestamp::now(&SystemClock),
    }
}

/// A background task, as a process runs it: started again when it fails.
pub(crate) struct Running {
    shutdown: Shutdown,
    task: JoinHandle<()>,
}

impl Running {
    pub(crate) fn start<F, Fut>(start: F) -> Self
    where
        F: Fn(Shutdown) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let shutdown = Shutdown::new();
        let task = tokio::spawn(kit::lifecycle::Task::new("test", start).supervise(shutdown.clone()));
        Self { shutdown, task }
    }

    /// Stops in good order.
    pub(crate) async fn stop(self) {
        self.shutdown.trigger();
        tokio::time::timeout(LIMIT, self.task).await.expect("it stops").unwrap();
    }

    /// Ends it wherever it stands, as a crash does.
    pub(crate) async fn kill(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }
}

/// Waits until `probe` is true.
pub(crate) async fn eventually(what: &str, mut probe: impl AsyncFnMut() -> bool) {
    testbed::until(LIMIT, what, async || probe().await.then_some(())).await.unwrap();
}

/// A value that several tasks add to.
pub(crate) type Shared<T> = Arc<std::sync::Mutex<T>>;
