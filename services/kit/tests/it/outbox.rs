//! Events leave exactly once, whatever fails in between.

use std::collections::HashSet;

use kit::database::{Aggregate, Query};
use sqlx::PgPool;
use uuid::Uuid;

use crate::world::{Running, World, confirmed, eventually};

fn about(sequence: i64) -> Aggregate {
    Aggregate { id: Uuid::now_v7(), sequence }
}

/// As a crash before the deletion leaves it: published, but still pending.
async fn make_pending(pool: &PgPool) {
    let sql = "INSERT INTO outbox_pending (stream, position, day, aggregate_id)
        SELECT stream, position, day, aggregate_id FROM outbox ON CONFLICT DO NOTHING";
    sqlx::query(sql).execute(pool).await.unwrap();
}

fn connected(world: &World) -> bool {
    world.client.connection_state() == async_nats::connection::State::Connected
}

#[tokio::test]
async fn an_event_is_published_as_the_document_writes_it() {
    let world = World::new().await;
    let relay = world.start_relay();
    let payload = confirmed();
    let id = world.append(&payload).await;
    eventually("the event is marked", async || world.pending().await == 0).await;
    relay.stop().await;

    let messages = world.messages("ORDERS").await;
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].subject.as_str(), "order.confirmed");
    let body: serde_json::Value = serde_json::from_slice(&messages[0].payload).unwrap();
    assert_eq!(body["event_id"], serde_json::json!(id));
    assert_eq!(body["event_type"], "OrderConfirmed");
    assert_eq!(body["version"], "1.0");
    assert_eq!(body["payload"], serde_json::to_value(&payload).unwrap());
}

#[tokio::test]
async fn a_rolled_back_event_is_never_published() {
    let world = World::new().await;
    let mut transaction = world.database.begin().await.unwrap();
    transaction.publish(about(1), world.clock.now(), &confirmed()).unwrap();
    transaction.execute("SELECT 1", &[]).await.unwrap();
    drop(transaction);
    let relay = world.start_relay();
    let kept = world.append(&confirmed()).await;
    eventually("the other event is published", async || world.pending().await == 0).await;
    relay.stop().await;
    assert_eq!(world.message_ids("ORDERS").await, [kept]);
}

#[tokio::test]
async fn rows_left_by_a_killed_relay_are_published_once() {
    let world = World::new().await;
    let mut expected = HashSet::new();
    let mut relay = world.start_relay();
    for round in 0..10 {
        for _ in 0..50 {
            expected.insert(world.append(&confirmed()).await);
        }
        if round % 2 == 0 {
            relay.kill().await;
            relay = world.start_relay();
        }
    }
    eventually("all events are marked", async || world.pending().await == 0).await;
    relay.stop().await;
    let ids = world.message_ids("ORDERS").await;
    assert_eq!(ids.len(), expected.len(), "each event is stored once");
    assert_eq!(ids.into_iter().collect::<HashSet<_>>(), expected);
}

#[tokio::test]
async fn a_crash_between_publish_and_commit_stores_no_second_message() {
    let world = World::new().await;
    let id = world.append(&confirmed()).await;
    let relay = world.start_relay();
    eventually("the event is marked", async || world.pending().await == 0).await;
    relay.kill().await;
    // What a crash before the commit leaves behind: published, but not marked.
    make_pending(&world.pool).await;
    let relay = world.start_relay();
    eventually("the event is marked again", async || world.pending().await == 0).await;
    relay.stop().await;
    assert_eq!(world.message_ids("ORDERS").await, [id]);
}

#[tokio::test]
async fn two_relays_share_the_work() {
    let world = World::new().await;
    let mut expected = HashSet::new();
    for _ in 0..600 {
        expected.insert(world.append(&confirmed()).await);
    }
    let relays = [world.start_relay(), world.start_relay()];
    eventually("all events are marked", async || world.pending().await == 0).await;
    for relay in relays {
        relay.stop().await;
    }
    let ids = world.message_ids("ORDERS").await;
    assert_eq!(ids.len(), expected.len());
    assert_eq!(ids.into_iter().collect::<HashSet<_>>(), expected);
}

#[tokio::test]
async fn one_relay_keeps_the_order_of_events() {
    let world = World::new().await;
    let mut expected = Vec::new();
    for _ in 0..300 {
        expected.push(world.append(&confirmed()).await);
    }
    let relay = world.start_relay();
    eventually("all events are marked", async || world.pending().await == 0).await;
    relay.stop().await;
    assert_eq!(world.message_ids("ORDERS").await, expected);
}

#[tokio::test]
async fn events_wait_while_nats_is_down() {
    let world = World::new().await;
    let relay = world.start_relay();
    let before = world.append(&confirmed()).await;
    eventually("the first event is published", async || world.pending().await == 0).await;

    world.nats.stop().await.unwrap();
    let during = world.append(&confirmed()).await;
    assert_eq!(world.pending().await, 1, "the event is accepted and waits");
    world.nats.start_again().await.unwrap();
    eventually("the second event is published", async || world.pending().await == 0).await;
    relay.stop().await;
    assert_eq!(world.message_ids("ORDERS").await, [before, during]);
}

#[tokio::test]
async fn a_lost_stream_is_published_again() {
    let world = World::new().await;
    let relay = world.start_relay();
    let mut expected = HashSet::new();
    for _ in 0..5 {
        expected.insert(world.append(&confirmed()).await);
    }
    eventually("all events are published", async || world.pending().await == 0).await;
    relay.stop().await;

    world.nats.lose_store().await.unwrap();
    world.nats.start_again().await.unwrap();
    world.nats.provision().await.unwrap();
    let relay = world.start_relay();
    expected.insert(world.append(&confirmed()).await);
    let mut ids = HashSet::new();
    eventually("the new stream has every event", async || {
        ids = world.message_ids("ORDERS").await.into_iter().collect();
        ids.len() == expected.len()
    })
    .await;
    relay.stop().await;
    assert_eq!(ids, expected);
}

#[tokio::test]
async fn a_stream_lost_while_the_relay_runs_is_published_again_without_a_new_event() {
    let world = World::new().await;
    let relay = world.start_relay();
    let mut expected = HashSet::new();
    for _ in 0..5 {
        expected.insert(world.append(&confirmed()).await);
    }
    eventually("all events are published", async || world.pending().await == 0).await;

    world.nats.lose_store().await.unwrap();
    world.nats.start_again().await.unwrap();
    eventually("the relay is connected while the stream is missing", async || {
        world.jetstream.get_stream("ORDERS").await.is_err() && connected(&world)
    })
    .await;
    world.nats.provision().await.unwrap();
    eventually("the new stream has every event", async || {
        world.message_ids("ORDERS").await.into_iter().collect::<HashSet<_>>() == expected
    })
    .await;
    eventually("all events are marked again", async || world.pending().await == 0).await;
    relay.stop().await;
    assert_eq!(world.message_ids("ORDERS").await.len(), expected.len(), "each once");
}

#[tokio::test]
async fn a_stream_that_kept_its_messages_is_not_published_again() {
    let world = World::new().await;
    let relay = world.start_relay();
    let before = world.append(&confirmed()).await;
    eventually("the event is published", async || world.pending().await == 0).await;
    let published = async || {
        let mut stream = world.jetstream.get_stream("ORDERS").await.unwrap();
        stream.info().await.unwrap().state.last_sequence
    };
    assert_eq!(published().await, 1);
    world.nats.stop().await.unwrap();
    world.nats.start_again().await.unwrap();
    // The relay asks the stream before it publishes.
    let after = world.append(&confirmed()).await;
    eventually("the second event is published", async || world.pending().await == 0).await;
    relay.stop().await;
    assert_eq!(world.message_ids("ORDERS").await, [before, after]);
}

#[tokio::test]
async fn a_relay_waits_for_its_database() {
    let world = World::new().await;
    let relay = world.start_relay();
    // Every connection breaks.
    let name: String = sqlx::query_scalar("SELECT current_database()").fetch_one(&world.pool).await.unwrap();
    let admin = testbed::Postgres::shared().await.empty_database().await.pool;
    sqlx::query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1")
        .bind(name)
        .execute(&admin)
        .await
        .unwrap();
    let mut id = None;
    eventually("the database answers again", async || {
        let Ok(mut transaction) = world.database.begin().await else {
            return false;
        };
        id = transaction.publish(about(1), world.clock.now(), &confirmed()).ok();
        transaction.commit().await.is_ok()
    })
    .await;
    eventually("the event is published", async || world.message_ids("ORDERS").await.contains(&id.unwrap()))
        .await;
    relay.stop().await;
}

#[tokio::test]
async fn the_gauges_show_what_waits() {
    let world = World::new().await;
    world.nats.stop().await.unwrap();
    eventually("the client noticed", async || !connected(&world)).await;
    world.append(&confirmed()).await;
    world.append(&confirmed()).await;
    let relay = kit::outbox::Relay::new(
        world.database.clone(),
        world.jetstream.clone(),
        world.clock.clone(),
        &world.metrics,
    );
    let relay = Running::start(move |shutdown| relay.clone().run(shutdown));
    eventually("two events are pending", async || {
        world.metrics.encode().contains("outbox_pending{service=\"order\"} 2")
    })
    .await;
    relay.stop().await;
}

#[tokio::test]
async fn publishing_needs_no_notification() {
    let world = World::new().await;
    let triggers: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM pg_trigger WHERE tgrelid = 'outbox'::regclass AND NOT tgisinternal",
    )
    .fetch_one(&world.pool)
    .await
    .unwrap();
    assert_eq!(triggers, 0, "a trigger that notifies makes transactions commit one after another");
    let relay = world.start_relay();
    let id = world.append(&confirmed()).await;
    eventually("the event is published", async || world.pending().await == 0).await;
    relay.stop().await;
    assert_eq!(world.message_ids("ORDERS").await, [id]);
}

#[tokio::test]
async fn an_event_that_commits_after_later_ones_were_published_is_published_too() {
    let world = World::new().await;
    let relay = world.start_relay();
    // Numbered first, committed last.
    let mut slow = world.pool.begin().await.unwrap();
    let position: i64 =
        sqlx::query_scalar("SELECT nextval('outbox_position')").fetch_one(&mut *slow).await.unwrap();
    let mut published = Vec::new();
    for _ in 0..3 {
        published.push(world.append(&confirmed()).await);
        eventually("the later event is published", async || world.pending().await == 0).await;
    }
    let first = Uuid::now_v7();
    copy(&mut slow, published[0], first, position).await;
    slow.commit().await.unwrap();
    eventually("the slow event is published", async || world.message_ids("ORDERS").await.contains(&first))
        .await;
    relay.stop().await;
    published.push(first);
    assert_eq!(world.message_ids("ORDERS").await, published);
}

/// Writes another event like `original`, as a process without a relay does.
async fn copy(connection: &mut sqlx::PgConnection, original: Uuid, id: Uuid, position: i64) {
    let sql = "WITH written AS (
            INSERT INTO outbox (day, position, id, stream, subject, aggregate_id, sequence, payload, headers, created_at)
            SELECT day, $3, $2, stream, subject, $2, sequence, payload, headers, created_at FROM outbox WHERE id = $1
            RETURNING stream, position, day, aggregate_id
        ) INSERT INTO outbox_pending (stream, position, day, aggregate_id) SELECT * FROM written";
    sqlx::query(sql).bind(original).bind(id).bind(position).execute(connection).await.unwrap();
}

#[tokio::test]
async fn rows_of_a_process_that_is_gone_are_published_by_others() {
    let world = World::new().await;
    let relay = world.start_relay();
    let own = world.append(&confirmed()).await;
    eventually("the first event is published", async || world.pending().await == 0).await;
    // Written by another process: this one is not notified.
    let other = Uuid::now_v7();
    copy(&mut world.pool.acquire().await.unwrap(), own, other, 1_000_000).await;
    eventually("the other's event is published", async || world.pending().await == 0).await;
    relay.stop().await;
    assert_eq!(world.message_ids("ORDERS").await, [own, other]);
}

#[tokio::test]
async fn an_event_and_its_row_have_the_time_of_the_effect() {
    let world = World::new().await;
    let at = chrono::DateTime::from_timestamp_micros(1_771_326_000_123_456).unwrap();
    let mut transaction = world.database.begin().await.unwrap();
    transaction.publish(about(1), at, &confirmed()).unwrap();
    transaction.commit().await.unwrap();
    let (timestamp, created_at): (String, chrono::DateTime<chrono::Utc>) =
        sqlx::query_as("SELECT payload::jsonb ->> 'timestamp', created_at FROM outbox")
            .fetch_one(&world.pool)
            .await
            .unwrap();
    assert_eq!(timestamp, "2026-02-17T11:00:00.123Z");
    assert_eq!(created_at, at);
}
