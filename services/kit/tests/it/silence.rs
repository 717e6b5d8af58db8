//! A server that is silent, rather than closed: nothing comes back, not even an end.

use std::time::{Duration, Instant};

use futures::future::join_all;
use kit::database::{Database, Error, Query};
use testbed::{Postgres, Proxy};

use crate::world::eventually;

/// What a client may wait for an honest 503: 3 s are promised, and a test's machine is busy. Each statement
/// alone would wait for more than 12 s.
const NOTICED: Duration = Duration::from_secs(7);
/// What it may take until requests work again: 5 s are promised.
const RECOVERED: Duration = Duration::from_secs(10);

async fn ask(database: &Database) -> Result<(), Error> {
    let mut transaction = database.begin().await?;
    transaction.execute("SELECT 1", &[]).await?;
    transaction.commit().await
}

/// Asks from several requests at once; each must be told within [`NOTICED`].
async fn all_are_told(database: &Database) {
    let asked = join_all((0..20).map(async |_| {
        let started = Instant::now();
        (ask(database).await, started.elapsed())
    }));
    for (result, took) in asked.await {
        let error = result.expect_err("nobody answers");
        assert!(error.is_unavailable(), "{error}");
        assert!(took < NOTICED, "told after {took:?}");
    }
}

async fn works_again(database: &Database) {
    let started = Instant::now();
    eventually("requests work again", async || ask(database).await.is_ok()).await;
    assert!(started.elapsed() < RECOVERED, "after {:?}", started.elapsed());
    assert!(join_all((0..20).map(|_| ask(database))).await.iter().all(Result::is_ok));
}

#[tokio::test]
async fn a_stopped_server_is_noticed_and_back_within_seconds() {
    let postgres = Postgres::start().await.unwrap();
    let database = Database::from_url(&postgres.admin_url(), 4).unwrap();
    works_again(&database).await;
    postgres.pause().await.unwrap();
    all_are_told(&database).await;
    // Still silent: told at once.
    all_are_told(&database).await;
    postgres.resume().await.unwrap();
    works_again(&database).await;
}

#[tokio::test]
async fn a_network_that_swallows_packets_is_noticed_and_back_within_seconds() {
    let postgres = Postgres::start().await.unwrap();
    let proxy = Proxy::to(postgres.port()).await.unwrap();
    let url = format!("postgres://postgres@127.0.0.1:{}/postgres?sslmode=disable", proxy.port());
    let database = Database::from_url(&url, 4).unwrap();
    works_again(&database).await;
    proxy.swallow();
    all_are_told(&database).await;
    all_are_told(&database).await;
    proxy.forward();
    works_again(&database).await;
}

#[tokio::test]
async fn statements_in_flight_end_when_the_server_falls_silent() {
    let postgres = Postgres::start().await.unwrap();
    let database = Database::from_url(&postgres.admin_url(), 4).unwrap();
    eventually("the watchdog has asked", async || database.is_available()).await;
    let mut transaction = database.begin().await.unwrap();
    transaction.execute("SELECT 1", &[]).await.unwrap();
    postgres.pause().await.unwrap();
    let started = Instant::now();
    let error = transaction.execute("SELECT 2", &[]).await.unwrap_err();
    assert!(error.is_unavailable() && started.elapsed() < NOTICED, "{error} after {:?}", started.elapsed());
    assert!(transaction.commit().await.is_err(), "it cannot have been committed");
    postgres.resume().await.unwrap();
    works_again(&database).await;
}

#[tokio::test]
async fn a_request_that_is_given_up_leaves_no_connection_behind() {
    let postgres = Postgres::shared().await;
    let database = Database::from_url(&postgres.empty_database().await.url, 2).unwrap();
    for _ in 0..8 {
        let slow = database.execute("SELECT pg_sleep(5)", &[]);
        assert!(tokio::time::timeout(Duration::from_millis(20), slow).await.is_err(), "given up");
    }
    let started = Instant::now();
    ask(&database).await.unwrap();
    assert!(started.elapsed() < NOTICED, "a connection is free at once, not after {:?}", started.elapsed());
}
