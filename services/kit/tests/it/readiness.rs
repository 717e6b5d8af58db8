//! When a process gets requests.

use axum::Router;
use http::StatusCode;
use kit::database::Database;
use kit::http::{StandardRoutes, standard};
use kit::metrics::Registry;
use kit::readiness::Readiness;
use serde_json::Value;
use testing::Client;

use crate::world::eventually;

fn probes(database: &Database) -> Client {
    let routes = StandardRoutes {
        name: "order",
        readiness: Readiness::new().database(database.clone()),
        openapi: utoipa::openapi::OpenApiBuilder::new().build(),
        metrics: Registry::new("order"),
    };
    Client::new(standard(Router::new(), routes).internal)
}

async fn is_ready(probes: &Client) -> bool {
    probes.get("/ready").await.status == StatusCode::OK
}

/// Status of each check by `?verbose`.
async fn checks(probes: &Client) -> Vec<Value> {
    let report = probes.get("/ready?verbose").await.json();
    report["checks"].as_array().unwrap().iter().map(|check| check["status"].clone()).collect()
}

#[tokio::test]
async fn a_process_that_never_reached_its_database_gets_no_requests() {
    let database = Database::from_url("postgres://nobody:x@127.0.0.1:1/nothing", 1).unwrap();
    let probes = probes(&database);
    assert!(!is_ready(&probes).await);
    assert_eq!(checks(&probes).await, ["failing", "failing"]);
}

#[tokio::test]
async fn a_process_keeps_its_requests_while_the_database_is_unavailable() {
    let postgres = testbed::Postgres::start().await.unwrap();
    let database = Database::from_url(&postgres.admin_url(), 2).unwrap();
    let probes = probes(&database);
    eventually("it is ready", async || is_ready(&probes).await).await;
    postgres.stop().await.unwrap();
    eventually("it knows", async || !database.is_available()).await;
    assert!(is_ready(&probes).await, "its 503 is better than a refused connection");
    assert_eq!(checks(&probes).await, ["ok", "failing"]);
    postgres.start_again().await.unwrap();
    eventually("it sees the server again", async || checks(&probes).await == ["ok", "ok"]).await;
}

#[tokio::test]
async fn a_pool_that_is_used_up_makes_no_process_unready() {
    let postgres = testbed::Postgres::shared().await.empty_database().await;
    let database = Database::from_url(&postgres.url, 1).unwrap();
    let probes = probes(&database);
    let _whole_pool = database.begin().await.unwrap();
    eventually("it is ready", async || is_ready(&probes).await).await;
    assert_eq!(checks(&probes).await, ["ok", "ok"]);
}
