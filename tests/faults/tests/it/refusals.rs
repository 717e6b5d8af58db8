//! Events that their stream refuses do not delay those that it takes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use futures::StreamExt as _;
use kit::clock::{Clock as _, ManualClock, SystemClock};
use kit::database::{Aggregate, Database};
use kit::events::OrderCancelled;
use kit::lifecycle::{Shutdown, Task};
use kit::metrics::Registry;
use kit::outbox::Relay;
use kit::timestamp::Timestamp;
use sqlx::PgPool;
use testbed::{Nats, Postgres};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use crate::figure::percentile;

const REFUSED: usize = 300;
/// Pause between two events that the stream takes.
const PAUSE: Duration = Duration::from_millis(20);
/// How long these flow alone, to compare with.
const ALONE: Duration = Duration::from_secs(10);
/// The relay's clock runs this much faster: an event is parked after 8.5 minutes of pauses.
const FASTER: i32 = 20;
const PARKED: Duration = Duration::from_mins(2);
/// Promised of an event beside refused ones.
const DELAY: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread")]
async fn three_hundred_refused_events_are_parked_and_delay_none_beside_them() {
    let world = World::start().await;
    world.refuse_large().await;
    let alone = world.flow(async || tokio::time::sleep(ALONE).await).await;
    world.append_large().await;
    let beside = world
        .flow(async || {
            testbed::until(PARKED, "all are parked", async || {
                (world.parked().await == REFUSED).then_some(())
            })
            .await
            .unwrap();
        })
        .await;
    let slowest = percentile(&beside, 100);
    println!(
        "{REFUSED} refused: {} events beside them took {:.1?} (median), {:.1?} (p99), {slowest:.1?} (slowest); {} alone \
         {:.1?}, {:.1?}, {:.1?}",
        beside.len(),
        percentile(&beside, 50),
        percentile(&beside, 99),
        alone.len(),
        percentile(&alone, 50),
        percentile(&alone, 99),
        percentile(&alone, 100),
    );
    assert!(slowest < DELAY, "{slowest:.1?}");
    let pending: i64 =
        sqlx::query_scalar("SELECT count(*) FROM outbox_pending").fetch_one(&world.pool).await.unwrap();
    assert_eq!(usize::try_from(pending).unwrap(), REFUSED, "only these wait");
    world.stop().await;
}

/// Two relays of one outbox, whose clock runs faster.
struct World {
    database: Database,
    pool: PgPool,
    nats: Nats,
    shutdown: Shutdown,
    relays: Vec<JoinHandle<()>>,
}

impl World {
    async fn start() -> Self {
        let test = Postgres::shared().await.database(&[&kit::database::migrator()]).await;
        sqlx::raw_sql(faults::ORDERS).execute(&test.pool).await.unwrap();
        let nats = Nats::start().await.unwrap();
        let jetstream = nats.provision().await.unwrap();
        let database = Database::from_url(&test.url, 10).unwrap();
        let shutdown = Shutdown::new();
        let clock = ManualClock::at(SystemClock.now());
        tokio::spawn(run_faster(clock.clone(), shutdown.clone()));
        let relay = || {
            let metrics = Registry::new("order");
            let relay = Relay::new(database.clone(), jetstream.clone(), clock.shared(), &metrics);
            let relay = Task::new("outbox relay", move |shutdown| relay.clone().run(shutdown));
            tokio::spawn(relay.supervise(shutdown.clone()))
        };
        let relays = vec![relay(), relay()];
        Self { database, pool: test.pool, nats, shutdown, relays }
    }

    /// From now on the stream takes small messages only.
    async fn refuse_large(&self) {
        let jetstream = self.nats.jetstream().await.unwrap();
        let mut stream = jetstream.get_stream("ORDERS").await.unwrap();
        let mut config = stream.info().await.unwrap().config.clone();
        config.max_message_size = 2_000;
        jetstream.update_stream(config).await.unwrap();
    }

    async fn append_large(&self) {
        for _ in 0..REFUSED {
            let order_id = Uuid::now_v7();
            let event = OrderCancelled {
                order_id,
                user_id: order_id,
                status: "cancelled".to_owned(),
                cancelled_at: Timestamp::now(&SystemClock),
                reason: Some("x".repeat(3_000)),
            };
            let mut transaction = self.database.begin().await.unwrap();
            let about = Aggregate { id: order_id, sequence: 1 };
            transaction.publish(about, SystemClock.now(), &event).unwrap();
            transaction.commit().await.unwrap();
        }
    }

    async fn parked(&self) -> usize {
        let sql = "SELECT count(*) FROM outbox_pending WHERE parked_at IS NOT NULL AND attempts = 10";
        let parked: i64 = sqlx::query_scalar(sql).fetch_one(&self.pool).await.unwrap();
        usize::try_from(parked).unwrap()
    }

    /// Commits small events until `enough` has ended. Returns how long after its commit each was published.
    async fn flow(&self, enough: impl AsyncFnOnce()) -> Vec<Duration> {
        let mut published = self.nats.client().await.unwrap().subscribe("order.shipped").await.unwrap();
        let arrivals: Arc<Mutex<HashMap<Uuid, Instant>>> = Arc::default();
        let arrived = Arc::clone(&arrivals);
        let listening = AbortOnDropHandle::new(tokio::spawn(async move {
            while let Some(message) = published.next().await {
                let id = message.headers.unwrap().get("Nats-Msg-Id").unwrap().as_str().parse().unwrap();
                arrived.lock().unwrap().entry(id).or_insert_with(Instant::now);
            }
        }));
        let mut committed: HashMap<Uuid, Instant> = HashMap::new();
        let mut tick = tokio::time::interval(PAUSE);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut enough = std::pin::pin!(enough());
        loop {
            tokio::select! {
                () = &mut enough => break,
                _ = tick.tick() => {}
            }
            let id = faults::ship(&self.database, Uuid::now_v7()).await.unwrap();
            committed.insert(id, Instant::now());
        }
        testbed::until(PARKED, "every event is published", async || {
            (arrivals.lock().unwrap().len() == committed.len()).then_some(())
        })
        .await
        .unwrap();
        drop(listening);
        let arrivals = arrivals.lock().unwrap();
        committed.iter().map(|(id, at)| arrivals[id].saturating_duration_since(*at)).collect()
    }

    async fn stop(self) {
        self.shutdown.trigger();
        for relay in self.relays {
            relay.await.unwrap();
        }
    }
}

async fn run_faster(clock: ManualClock, shutdown: Shutdown) {
    let step = Duration::from_millis(50);
    while shutdown.sleep(step).await {
        clock.advance(TimeDelta::from_std(step).unwrap() * FASTER);
    }
}
