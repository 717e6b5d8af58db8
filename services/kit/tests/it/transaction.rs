//! One effect and its events: both, or neither.

use futures::future::join_all;
use kit::database::{Aggregate, Database, Query as _};
use kit::values;
use uuid::Uuid;

use crate::world::{World, confirmed, database, eventually};

async fn count(database: &Database, table: &str) -> i64 {
    database.row(&format!("SELECT count(*) FROM {table}"), &[]).await.unwrap().try_get(0).unwrap()
}

async fn with_table() -> Database {
    let database = database().await;
    database.execute("CREATE TABLE work (id integer PRIMARY KEY)", &[]).await.unwrap();
    database
}

fn about() -> Aggregate {
    Aggregate { id: Uuid::now_v7(), sequence: 1 }
}

#[tokio::test]
async fn an_effect_and_its_events_are_committed_together() {
    let database = with_table().await;
    let mut transaction = database.begin().await.unwrap();
    transaction.execute("INSERT INTO work VALUES (1)", &[]).await.unwrap();
    for _ in 0..3 {
        transaction.publish(about(), chrono::Utc::now(), &confirmed()).unwrap();
    }
    assert_eq!(count(&database, "work").await, 0, "not before the commit");
    transaction.commit().await.unwrap();
    assert_eq!((count(&database, "work").await, count(&database, "outbox").await), (1, 3));
    assert_eq!(count(&database, "outbox_pending").await, 3);
}

#[tokio::test]
async fn deferred_writes_and_events_are_committed_together() {
    let database = with_table().await;
    for (asked, id) in [(false, 1), (true, 3)] {
        let mut transaction = database.begin().await.unwrap();
        if asked {
            transaction.execute("SELECT 1", &[]).await.unwrap();
        }
        let first = transaction.defer("INSERT INTO work VALUES ($1) RETURNING id", values![id]);
        transaction.defer(&format!("INSERT INTO work SELECT id + $1 FROM {first}"), values![1]);
        transaction.publish(about(), chrono::Utc::now(), &confirmed()).unwrap();
        assert_eq!(count(&database, "work").await, i64::from(id) - 1, "not before the commit");
        transaction.commit().await.unwrap();
        assert_eq!(count(&database, "work").await, i64::from(id) + 1);
    }
    assert_eq!((count(&database, "outbox").await, count(&database, "outbox_pending").await), (2, 2));
}

#[tokio::test]
async fn a_deferred_write_that_fails_takes_the_whole_transaction_with_it() {
    let database = with_table().await;
    database.execute("INSERT INTO work VALUES (1)", &[]).await.unwrap();
    for asked in [false, true] {
        let mut transaction = database.begin().await.unwrap();
        if asked {
            transaction.execute("INSERT INTO work VALUES (3)", &[]).await.unwrap();
        }
        transaction.defer("INSERT INTO work VALUES ($1)", values![2]);
        transaction.defer("INSERT INTO work VALUES ($1)", values![1]);
        transaction.publish(about(), chrono::Utc::now(), &confirmed()).unwrap();
        let error = transaction.commit().await.unwrap_err();
        assert_eq!(error.constraint(), Some("work_pkey"));
        assert_eq!((count(&database, "work").await, count(&database, "outbox").await), (1, 0));
    }
    // The connections are fit for use.
    for id in 10..40 {
        database.execute("INSERT INTO work VALUES ($1)", &[&id]).await.unwrap();
    }
}

#[tokio::test]
async fn deferred_writes_of_a_dropped_transaction_are_forgotten() {
    let database = with_table().await;
    let mut transaction = database.begin().await.unwrap();
    transaction.defer("INSERT INTO work VALUES ($1)", values![1]);
    drop(transaction);
    assert_eq!(count(&database, "work").await, 0);
}

#[tokio::test]
async fn events_alone_are_committed_too() {
    let database = with_table().await;
    let mut transaction = database.begin().await.unwrap();
    transaction.publish(about(), chrono::Utc::now(), &confirmed()).unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(count(&database, "outbox_pending").await, 1);
}

#[tokio::test]
async fn a_dropped_transaction_leaves_nothing_and_gives_its_connection_back() {
    let database = with_table().await;
    // More than the pool has connections.
    for id in 0..30 {
        let mut transaction = database.begin().await.unwrap();
        transaction.execute("INSERT INTO work VALUES ($1)", &[&id]).await.unwrap();
        transaction.publish(about(), chrono::Utc::now(), &confirmed()).unwrap();
    }
    assert_eq!((count(&database, "work").await, count(&database, "outbox").await), (0, 0));
}

#[tokio::test]
async fn a_statement_that_fails_takes_the_whole_transaction_with_it() {
    let database = with_table().await;
    let mut transaction = database.begin().await.unwrap();
    transaction.execute("INSERT INTO work VALUES (1)", &[]).await.unwrap();
    let error = transaction.execute("INSERT INTO work VALUES (1)", &[]).await.unwrap_err();
    assert_eq!(error.constraint(), Some("work_pkey"));
    transaction.publish(about(), chrono::Utc::now(), &confirmed()).unwrap();
    assert!(transaction.commit().await.is_err(), "what was not stored is not committed");
    assert_eq!((count(&database, "work").await, count(&database, "outbox").await), (0, 0));
}

#[tokio::test]
async fn a_commit_that_postgresql_turns_into_a_rollback_is_an_error() {
    let database = with_table().await;
    let mut transaction = database.begin().await.unwrap();
    transaction.execute("INSERT INTO work VALUES (1)", &[]).await.unwrap();
    transaction.execute("INSERT INTO work VALUES (1)", &[]).await.unwrap_err();
    assert!(transaction.commit().await.is_err(), "nobody is told that it was done");
    assert_eq!(count(&database, "work").await, 0);
}

#[tokio::test]
async fn parallel_transactions_do_not_see_each_other() {
    let database = with_table().await;
    let insert = async |id: i32| {
        let mut transaction = database.begin().await.unwrap();
        transaction.execute("INSERT INTO work VALUES ($1)", &[&id]).await.unwrap();
        let seen: i64 = transaction.row("SELECT count(*) FROM work", &[]).await.unwrap().get(0);
        tokio::task::yield_now().await;
        drop(transaction);
        seen
    };
    let seen = join_all((0..50).map(insert)).await;
    assert!(seen.iter().all(|seen| *seen == 1), "{seen:?}");
}

#[tokio::test]
async fn a_lock_that_is_held_ends_in_contention_not_in_a_wait_for_ever() {
    let database = with_table().await;
    database.execute("INSERT INTO work VALUES (1)", &[]).await.unwrap();
    let mut holder = database.begin().await.unwrap();
    holder.execute("SELECT * FROM work FOR UPDATE", &[]).await.unwrap();
    let mut waiter = database.begin().await.unwrap();
    let error = waiter.execute("SELECT * FROM work FOR UPDATE", &[]).await.unwrap_err();
    assert!(error.is_contended() && !error.is_unavailable(), "{error}");
}

#[tokio::test]
async fn a_commit_wakes_the_relay() {
    let world = World::new().await;
    let relay = world.start_relay();
    world.append(&confirmed()).await;
    eventually("it is published", async || world.pending().await == 0).await;
    relay.stop().await;
}
