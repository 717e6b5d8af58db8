//! A replica that publishes: a relay, and somebody who commits events at a steady rate.

use std::time::Duration;

use async_nats::jetstream;
use kit::clock::SystemClock;
use kit::database::Database;
use kit::lifecycle::Task;
use kit::metrics::Registry;
use kit::outbox::Relay;
use tokio::time::MissedTickBehavior;
use uuid::Uuid;

use crate::Orders;

/// Runs until it is told to stop.
pub(crate) async fn run(
    database: Database,
    jetstream: jetstream::Context,
    metrics: &Registry,
    rate: u32,
    count: usize,
    orders: Orders,
) -> anyhow::Result<()> {
    let relay = Relay::new(database.clone(), jetstream, SystemClock::shared(), metrics);
    let relay = Task::new("outbox relay", move |shutdown| relay.clone().run(shutdown));
    let relaying = tokio::spawn(relay.supervise(orders.stop.clone()));
    produce(&database, rate, count, &orders).await?;
    relaying.await?;
    Ok(())
}

/// Commits an event at each tick until told to be quiet. One that cannot be committed is a client's 503: the tick is lost,
/// and the next one is another client's.
async fn produce(database: &Database, rate: u32, count: usize, orders: &Orders) -> anyhow::Result<()> {
    let ids: Vec<Uuid> = (0..count).map(|_| Uuid::now_v7()).collect();
    let mut tick = tokio::time::interval(Duration::from_secs(1) / rate.max(1));
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    for id in ids.iter().cycle() {
        tokio::select! {
            () = orders.quiet.requested() => break,
            _ = tick.tick() => {}
        }
        match faults::ship(database, *id).await {
            Err(error) if error.is_unavailable() || error.is_contended() => {}
            result => {
                result?;
            }
        }
    }
    Ok(())
}
