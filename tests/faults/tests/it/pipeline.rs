//! Two replicas that publish, two that consume, and the servers between them.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use testbed::{Nats, Postgres, TestDatabase};

use crate::audit;
use crate::figure::Figure;
use crate::peer::Peer;
use crate::replica::Replica;

pub(crate) const CONSUMER: &str = "notification-orders";
/// Events of a second, of all publishers together.
const RATE: u32 = 50;
/// Orders that they are about.
const ORDERS: u32 = 100;
const REPLICAS: u32 = 2;
/// How long events flow before a fault, and after what it left is done.
const USUAL: Duration = Duration::from_secs(5);
/// What one fault left has to be done by then, or the test ends.
const LIMIT: Duration = Duration::from_secs(90);
/// Promised: what waits when the fault is over is done this long after.
const CAUGHT_UP: Duration = Duration::from_secs(10);
/// Promised: events take effect again this long after the fault.
const RECOVERED: Duration = Duration::from_secs(5);

/// Everything, running.
pub(crate) struct Pipeline {
    pub(crate) postgres: Postgres,
    pub(crate) nats: Nats,
    pub(crate) callee: Peer,
    pub(crate) provider: Peer,
    /// The publishers' database.
    pub(crate) published: TestDatabase,
    /// The consumers' database.
    pub(crate) applied: TestDatabase,
    publishers: Vec<Replica>,
    pub(crate) consumers: Vec<Replica>,
}

impl Pipeline {
    /// All replicas, after events have flowed for a while.
    pub(crate) async fn start() -> Self {
        let mut pipeline = Self::without_consumers().await;
        for _ in 0..REPLICAS {
            pipeline.consumers.push(pipeline.consumer());
        }
        pipeline.flows().await;
        tokio::time::sleep(USUAL).await;
        pipeline
    }

    /// Publishers alone.
    pub(crate) async fn without_consumers() -> Self {
        let postgres = Postgres::start().await.unwrap();
        let nats = Nats::start().await.unwrap();
        nats.provision().await.unwrap();
        let published = postgres.database(&[&kit::database::migrator()]).await;
        let applied = postgres.database(&[&kit::database::migrator()]).await;
        sqlx::raw_sql(faults::ORDERS).execute(&published.pool).await.unwrap();
        let tables = "
            CREATE TABLE applied (event_id uuid NOT NULL, happened_at timestamptz NOT NULL, told_at timestamptz);
            CREATE INDEX ON applied (event_id);
            CREATE TABLE newest (id uuid PRIMARY KEY, version bigint NOT NULL)";
        sqlx::raw_sql(tables).execute(&applied.pool).await.unwrap();
        let (callee, provider) = (Peer::start().await, Peer::start().await);
        let (publishers, consumers) = (Vec::new(), Vec::new());
        let mut pipeline =
            Self { postgres, nats, callee, provider, published, applied, publishers, consumers };
        for _ in 0..REPLICAS {
            pipeline.publishers.push(pipeline.publisher());
        }
        pipeline
    }

    fn publisher(&self) -> Replica {
        let (rate, orders) = ((RATE / REPLICAS).to_string(), (ORDERS / REPLICAS).to_string());
        self.replica(&self.published, ["publisher", "--rate", &rate, "--orders", &orders])
    }

    /// A process that consumes.
    pub(crate) fn consumer(&self) -> Replica {
        let (callee, provider) = (self.callee.url(), self.provider.url());
        self.replica(&self.applied, ["consumer", "--callee", &callee, "--provider", &provider])
    }

    fn replica(&self, database: &TestDatabase, part: [&str; 5]) -> Replica {
        let shared = ["--database", &database.url, "--nats", self.nats.url()];
        let arguments: Vec<String> = shared.into_iter().chain(part).map(str::to_owned).collect();
        Replica::start(&arguments)
    }

    /// Waits until events are applied.
    pub(crate) async fn flows(&self) {
        testbed::until(LIMIT, "events are applied", async || {
            (audit::applied_until(&self.applied, Utc::now()).await? > 0).then_some(())
        })
        .await
        .unwrap();
    }

    /// After a fault that has just ended: waits until what it left is done, ends everything and checks it.
    pub(crate) async fn recover(&mut self, fault: &str) {
        let (over, since) = (Utc::now(), Instant::now());
        let behind = self.behind(over).await;
        let (recovered, caught_up) = tokio::join!(self.recovered(over), self.caught_up(over, LIMIT));
        let (recovered, caught_up) = (recovered - since, caught_up - since);
        tokio::time::sleep(USUAL).await;
        let events = self.end(LIMIT).await;
        let (recovered, caught_up) = (Figure::new(recovered, RECOVERED), Figure::new(caught_up, CAUGHT_UP));
        println!(
            "{fault}: {events} events, {behind} behind at its end; recovered after {recovered}, all caught up after \
             {caught_up}"
        );
        recovered.holds();
        caught_up.holds();
    }

    /// Ends what is produced, waits until all is done, ends everything and checks it. Returns how many events there
    /// were.
    pub(crate) async fn end(&mut self, limit: Duration) -> usize {
        for publisher in &mut self.publishers {
            publisher.quiet().await;
        }
        self.caught_up(Utc::now(), limit).await;
        for replica in self.publishers.drain(..).chain(self.consumers.drain(..)) {
            replica.stop().await;
        }
        audit::each_once_and_in_order(self).await
    }

    /// Events that happened until `time` and are not done.
    async fn behind(&self, time: DateTime<Utc>) -> i64 {
        let committed = audit::committed_until(&self.published, time).await.unwrap();
        committed - audit::told_until(&self.applied, time).await.unwrap()
    }

    /// When an event was done after `time`.
    async fn recovered(&self, time: DateTime<Utc>) -> Instant {
        testbed::until(LIMIT, "events are done again", async || {
            audit::told_since(&self.applied, time).await.filter(|told| *told > 0)
        })
        .await
        .unwrap();
        Instant::now()
    }

    /// When everything that happened until `time` was done.
    async fn caught_up(&self, time: DateTime<Utc>, limit: Duration) -> Instant {
        testbed::until(limit, "everything is done", async || {
            let committed = audit::committed_until(&self.published, time).await?;
            (audit::told_until(&self.applied, time).await? >= committed).then_some(())
        })
        .await
        .unwrap();
        Instant::now()
    }
}
