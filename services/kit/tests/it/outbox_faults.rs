//! What the outbox does when its stream refuses, its broker is silent, or its database is.

use std::collections::HashSet;
use std::time::Duration;

use kit::database::{Aggregate, Database, Error, Query as _};
use kit::events::{Event as _, OrderCancelled, OrderConfirmed};
use kit::timestamp::Timestamp;
use uuid::Uuid;

use crate::world::{Running, World, confirmed, eventually};

/// An event whose envelope is larger than `bytes`.
fn large(bytes: usize) -> OrderCancelled {
    OrderCancelled {
        order_id: Uuid::now_v7(),
        user_id: Uuid::now_v7(),
        status: "cancelled".to_owned(),
        cancelled_at: Timestamp::now(&kit::clock::SystemClock),
        reason: Some("x".repeat(bytes)),
    }
}

/// From now on the stream refuses messages of more than `bytes`.
async fn refuse_above(world: &World, bytes: i32) {
    let mut stream = world.jetstream.get_stream("ORDERS").await.unwrap();
    let mut config = stream.info().await.unwrap().config.clone();
    config.max_message_size = bytes;
    world.jetstream.update_stream(config).await.unwrap();
}

#[tokio::test]
async fn an_event_that_no_stream_would_take_is_refused_where_it_is_written() {
    let world = World::new().await;
    let mut transaction = world.database.begin().await.unwrap();
    let about = Aggregate { id: Uuid::now_v7(), sequence: 1 };
    let refused = transaction.publish(about, world.clock.now(), &large(2 * 1024 * 1024));
    assert!(
        matches!(refused, Err(Error::EventTooLarge { event_type: OrderCancelled::TYPE, .. })),
        "{refused:?}"
    );
    transaction.publish(about, world.clock.now(), &confirmed()).unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(world.pending().await, 1, "the rest of the transaction is unharmed");
}

#[tokio::test]
async fn refused_events_hold_back_no_others_and_lose_nothing() {
    let world = World::new().await;
    refuse_above(&world, 2_000).await;
    let mut refused = HashSet::new();
    for _ in 0..300 {
        refused.insert(world.append(&large(3_000)).await);
    }
    let relay = world.start_relay();
    let healthy = world.append(&confirmed()).await;
    eventually("the healthy event passes 300 refused ones", async || {
        world.message_ids("ORDERS").await == [healthy]
    })
    .await;
    eventually("each refusal is on record", async || {
        let sql = "SELECT count(*) FROM outbox_pending WHERE attempts > 0 AND not_before IS NOT NULL
            AND last_error <> '' AND parked_at IS NULL";
        sqlx::query_scalar::<_, i64>(sql).fetch_one(&world.pool).await.unwrap() == 300
    })
    .await;

    // The stream's limit is corrected.
    refuse_above(&world, -1).await;
    sqlx::query("UPDATE outbox_pending SET not_before = now()").execute(&world.pool).await.unwrap();
    eventually("everything is published", async || world.pending().await == 0).await;
    relay.stop().await;
    let ids: HashSet<Uuid> = world.message_ids("ORDERS").await.into_iter().collect();
    assert_eq!(ids.len(), 301);
    assert!(refused.is_subset(&ids));
}

#[tokio::test]
async fn an_event_waits_for_a_refused_one_of_its_aggregate_until_that_is_parked() {
    let world = World::new().await;
    refuse_above(&world, 2_000).await;
    let id = Uuid::now_v7();
    let first = world.append_about(Aggregate { id, sequence: 1 }, &large(3_000)).await;
    let second = world.append_about(Aggregate { id, sequence: 2 }, &confirmed()).await;
    let relay = world.start_relay();
    let other = world.append(&confirmed()).await;
    eventually("another aggregate's event is published", async || {
        world.message_ids("ORDERS").await == [other]
    })
    .await;

    eventually("the later event is no longer held back", async || {
        // As if eight more refusals had passed; repeated, because the relay counts, too.
        let sql = "UPDATE outbox_pending SET attempts = 9, not_before = now() WHERE attempts BETWEEN 1 AND 8";
        sqlx::query(sql).execute(&world.pool).await.unwrap();
        world.message_ids("ORDERS").await == [other, second]
    })
    .await;
    let parked: Option<i32> =
        sqlx::query_scalar("SELECT attempts FROM outbox_pending JOIN outbox USING (day, position) WHERE id = $1 AND parked_at IS NOT NULL")
            .bind(first)
            .fetch_optional(&world.pool)
            .await
            .unwrap();
    assert_eq!(parked, Some(10));
    relay.stop().await;
}

/// 40 events of four aggregates each round, in their order.
async fn append_some(world: &World, aggregates: &[Uuid], round: i64, expected: &mut Vec<Uuid>) {
    for step in 0..10 {
        for &id in aggregates {
            let about = Aggregate { id, sequence: round * 10 + step };
            expected.push(world.append_about(about, &confirmed()).await);
        }
    }
}

/// Every event once, and those of each aggregate in their order.
async fn assert_published(world: &World, aggregates: &[Uuid], expected: &[Uuid]) {
    eventually("everything is published", async || world.pending().await == 0).await;
    let messages = world.messages("ORDERS").await;
    assert_eq!(messages.len(), expected.len(), "each once");
    for aggregate in aggregates {
        let sequences: Vec<i64> = messages
            .iter()
            .map(|message| message.headers.as_ref().unwrap())
            .filter(|headers| headers.get("Shopflow-Aggregate").unwrap().as_str() == aggregate.to_string())
            .map(|headers| headers.get("Shopflow-Sequence").unwrap().as_str().parse().unwrap())
            .collect();
        assert!(sequences.is_sorted(), "{sequences:?}");
    }
}

#[tokio::test]
async fn a_silent_broker_delays_events_and_loses_repeats_or_reorders_none() {
    let world = World::new().await;
    let aggregates: Vec<Uuid> = (0..4).map(|_| Uuid::now_v7()).collect();
    let mut expected = Vec::new();
    let relays = [world.start_relay(), world.start_relay()];
    append_some(&world, &aggregates, 0, &mut expected).await;
    world.nats.pause().await.unwrap();
    append_some(&world, &aggregates, 1, &mut expected).await;
    // Longer than a window waits for its acknowledgements.
    tokio::time::sleep(Duration::from_secs(6)).await;
    append_some(&world, &aggregates, 2, &mut expected).await;
    assert!(world.pending().await > 0, "they are accepted, and wait");
    let refused: i64 = sqlx::query_scalar("SELECT count(*) FROM outbox_pending WHERE attempts > 0")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(refused, 0, "silence is no refusal");
    world.nats.resume().await.unwrap();
    assert_published(&world, &aggregates, &expected).await;
    for relay in relays {
        relay.stop().await;
    }
}

#[tokio::test]
async fn a_silent_database_delays_events_and_loses_repeats_or_reorders_none() {
    let mut world = World::new().await;
    let postgres = testbed::Postgres::start().await.unwrap();
    let test = postgres.database(&[&kit::database::migrator()]).await;
    world.database = Database::from_url(&test.url, 10).unwrap();
    world.pool = test.pool;
    let aggregates: Vec<Uuid> = (0..4).map(|_| Uuid::now_v7()).collect();
    let mut expected = Vec::new();
    let relays = [world.start_relay(), world.start_relay()];
    append_some(&world, &aggregates, 0, &mut expected).await;
    postgres.pause().await.unwrap();
    eventually("it is noticed", async || world.database.execute("SELECT 1", &[]).await.is_err()).await;
    postgres.resume().await.unwrap();
    eventually("it is back", async || world.database.is_available()).await;
    append_some(&world, &aggregates, 1, &mut expected).await;
    assert_published(&world, &aggregates, &expected).await;
    for relay in relays {
        relay.stop().await;
    }
}

#[tokio::test]
async fn another_relay_takes_over_when_the_active_one_loses_its_connection() {
    let world = World::new().await;
    let holder = async || -> Option<i32> {
        let sql = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        sqlx::query_scalar(sql).fetch_optional(&world.pool).await.unwrap()
    };
    let relays: Vec<Running> = (0..2).map(|_| world.start_relay()).collect();
    let mut expected = Vec::new();
    for _ in 0..3 {
        let mut active = None;
        eventually("a relay is active", async || {
            active = holder().await;
            active.is_some()
        })
        .await;
        expected.push(world.append(&confirmed()).await);
        eventually("the event is published", async || world.pending().await == 0).await;
        sqlx::query("SELECT pg_terminate_backend($1)").bind(active).execute(&world.pool).await.unwrap();
        eventually("the lock moved", async || holder().await != active).await;
    }
    for relay in relays {
        relay.stop().await;
    }
    assert_eq!(world.message_ids("ORDERS").await, expected);
}

#[tokio::test]
async fn an_event_names_its_aggregate_and_version() {
    let world = World::new().await;
    let relay = world.start_relay();
    let about = Aggregate { id: Uuid::now_v7(), sequence: 7 };
    world.append_about::<OrderConfirmed>(about, &confirmed()).await;
    eventually("it is published", async || world.pending().await == 0).await;
    relay.stop().await;
    let messages = world.messages("ORDERS").await;
    let headers = messages[0].headers.as_ref().unwrap();
    assert_eq!(headers.get("Shopflow-Aggregate").unwrap().as_str(), about.id.to_string());
    assert_eq!(headers.get("Shopflow-Sequence").unwrap().as_str(), "7");
}
