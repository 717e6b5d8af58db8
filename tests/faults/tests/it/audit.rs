//! What must be true in the end.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::PgPool;
use testbed::TestDatabase;
use uuid::Uuid;

use crate::pipeline::Pipeline;

/// Nothing lost, nothing twice, nothing given up, no failure counted, and every order's events in their order. Returns how
/// many events there were.
pub(crate) async fn each_once_and_in_order(pipeline: &Pipeline) -> usize {
    let (published, applied) = (&pipeline.published.pool, &pipeline.applied.pool);
    let committed = ids(published, "SELECT id FROM outbox ORDER BY id").await;
    assert_eq!(ids(applied, "SELECT event_id FROM applied ORDER BY event_id").await, committed, "each once");
    assert_eq!(count(applied, "SELECT count(*) FROM applied WHERE told_at IS NULL").await, 0, "not told");
    assert_eq!(count(applied, "SELECT count(*) FROM inbox_dead_letters").await, 0, "dead letters");
    assert_eq!(count(applied, "SELECT count(*) FROM inbox WHERE failures > 0").await, 0, "burned attempts");
    assert_eq!(count(applied, "SELECT count(*) FROM effects").await, 0, "effects that wait");
    assert_eq!(count(published, "SELECT count(*) FROM outbox_pending").await, 0, "events that wait");
    let versions = versions(published, "SELECT id, version FROM orders").await;
    assert_eq!(
        self::versions(applied, "SELECT id, version FROM newest").await,
        versions,
        "the newest is kept"
    );
    assert_eq!(in_stream(pipeline).await, versions, "all are in the stream");
    committed.len()
}

/// Asserts that the provider was told of each event once.
pub(crate) fn told_once(pipeline: &Pipeline) {
    let told = pipeline.provider.told();
    let twice: Vec<_> = told.iter().filter(|(_, times)| **times != 1).collect();
    assert!(twice.is_empty(), "told more than once: {twice:?}");
}

/// The last version of each order in the stream, after it was checked that none is missing, stored twice or out of order.
async fn in_stream(pipeline: &Pipeline) -> HashMap<Uuid, i64> {
    let jetstream = pipeline.nats.jetstream().await.unwrap();
    let mut stream = jetstream.get_stream("ORDERS").await.unwrap();
    let last = stream.info().await.unwrap().state.last_sequence;
    let mut seen = HashMap::new();
    for sequence in 1..=last {
        let message = stream.get_raw_message(sequence).await.unwrap();
        let header = |name: &str| message.headers.get(name).unwrap().as_str().to_owned();
        let order: Uuid = header("Shopflow-Aggregate").parse().unwrap();
        let version: i64 = header("Shopflow-Sequence").parse().unwrap();
        let before = seen.insert(order, version).unwrap_or(0);
        assert_eq!(version, before + 1, "of order {order}, at {sequence} of the stream");
    }
    seen
}

/// Events that happened until `time`; `None` while the database cannot be asked.
pub(crate) async fn committed_until(published: &TestDatabase, time: DateTime<Utc>) -> Option<i64> {
    counted(published, "SELECT count(*) FROM outbox WHERE created_at <= $1", time).await
}

/// Events that happened until `time` and were applied.
pub(crate) async fn applied_until(applied: &TestDatabase, time: DateTime<Utc>) -> Option<i64> {
    counted(applied, "SELECT count(*) FROM applied WHERE happened_at <= $1", time).await
}

/// Events that happened until `time`, were applied, and of which the provider was told.
pub(crate) async fn told_until(applied: &TestDatabase, time: DateTime<Utc>) -> Option<i64> {
    let sql = "SELECT count(*) FROM applied WHERE happened_at <= $1 AND told_at IS NOT NULL";
    counted(applied, sql, time).await
}

/// Events of which the provider was told after `time`.
pub(crate) async fn told_since(applied: &TestDatabase, time: DateTime<Utc>) -> Option<i64> {
    counted(applied, "SELECT count(*) FROM applied WHERE told_at > $1", time).await
}

async fn counted(database: &TestDatabase, sql: &'static str, time: DateTime<Utc>) -> Option<i64> {
    sqlx::query_scalar(sql).bind(time).fetch_one(&database.pool).await.ok()
}

async fn count(pool: &PgPool, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(pool).await.unwrap()
}

async fn ids(pool: &PgPool, sql: &'static str) -> Vec<Uuid> {
    sqlx::query_scalar(sql).fetch_all(pool).await.unwrap()
}

async fn versions(pool: &PgPool, sql: &'static str) -> HashMap<Uuid, i64> {
    let rows: Vec<(Uuid, i64)> = sqlx::query_as(sql).fetch_all(pool).await.unwrap();
    rows.into_iter().collect()
}
