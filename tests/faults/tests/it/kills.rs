//! A process that is killed while it handles an event has done nothing wrong, and nor has the event.

use std::time::Duration;

use async_nats::jetstream::consumer::{FromConsumer as _, pull};
use kit::database::Database;
use sqlx::{Postgres, Transaction};
use uuid::Uuid;

use crate::pipeline::{CONSUMER, Pipeline};

const KILLS: usize = 20;
/// What a killed process held comes again after this; after 30 s where no test waits.
const ACK_WAIT: Duration = Duration::from_secs(2);
const LIMIT: Duration = Duration::from_secs(30);
/// A killed process's effects begin again when their leases of a minute have ended.
const LEASES_END: Duration = Duration::from_mins(2);

#[tokio::test(flavor = "multi_thread")]
async fn twenty_kills_during_one_event_burn_no_attempt_and_it_takes_effect_once() {
    let mut pipeline = Pipeline::without_consumers().await;
    ack_wait(&pipeline, ACK_WAIT).await;
    let order = Uuid::now_v7();
    let (lock, holder) = hold(&pipeline, order).await;
    faults::ship(&Database::from_url(&pipeline.published.url, 1).unwrap(), order).await.unwrap();
    let mut waiting = Vec::new();
    for _ in 0..KILLS {
        let consumer = pipeline.consumer();
        waiting.push(waits_for(&pipeline, holder, &waiting).await);
        consumer.kill().await;
    }
    // The first delivery leaves no mark.
    let starts: i32 = sqlx::query_scalar("SELECT max(starts) FROM inbox WHERE NOT done")
        .fetch_one(&pipeline.applied.pool)
        .await
        .unwrap();
    assert_eq!(usize::try_from(starts).unwrap(), KILLS - 1);
    lock.rollback().await.unwrap();
    pipeline.consumers.push(pipeline.consumer());
    let events = pipeline.end(LEASES_END).await;
    println!(
        "{KILLS} kills: one event was begun {starts} times after the first, {events} events each applied once"
    );
}

/// Whoever applies an event of the order waits until the transaction ends. Returns its session, too.
async fn hold(pipeline: &Pipeline, order: Uuid) -> (Transaction<'static, Postgres>, i32) {
    let mut transaction = pipeline.applied.pool.begin().await.unwrap();
    // Rolled back in the end: to whoever comes then, it was never there.
    let sql = "INSERT INTO projection_versions VALUES ('newest', $1, 0) RETURNING pg_backend_pid()";
    let session = sqlx::query_scalar(sql).bind(order).fetch_one(&mut *transaction).await.unwrap();
    (transaction, session)
}

/// Waits until somebody new waits for the holder, and returns that session.
async fn waits_for(pipeline: &Pipeline, holder: i32, before: &[i32]) -> i32 {
    testbed::until(LIMIT, "the event is being handled", async || {
        let sql = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND NOT pid = ANY($1)
            AND $2 = ANY(pg_blocking_pids(pid)) LIMIT 1";
        let waiting = sqlx::query_scalar(sql).bind(before).bind(holder);
        waiting.fetch_optional(&pipeline.applied.pool).await.unwrap()
    })
    .await
    .unwrap()
}

/// What is not answered comes again after this.
async fn ack_wait(pipeline: &Pipeline, ack_wait: Duration) {
    let jetstream = pipeline.nats.jetstream().await.unwrap();
    let stream = jetstream.get_stream("ORDERS").await.unwrap();
    let config = stream.consumer_info(CONSUMER).await.unwrap().config;
    let mut config = pull::Config::try_from_consumer_config(config).unwrap();
    config.ack_wait = ack_wait;
    stream.update_consumer(config).await.unwrap();
}
