//! A platform on somebody else's PostgreSQL.

use k8s_openapi::api::{apps::v1::StatefulSet, core::v1::Secret};
use kube::{
    Api, ResourceExt as _,
    api::{DeleteParams, PostParams},
};
use serde_json::{Value, json};
use shopflow_operator::{
    api::{ConditionType, reason},
    platform::deletion::FINALIZER,
};
use sqlx::{Connection as _, PgConnection};
use testbed::until;

use crate::shop::{PATIENCE, Shop};

fn spec(shop: &Shop, policy: &str) -> Value {
    let external = json!({
        "host": "127.0.0.1", "port": shop.postgres.port(), "tls": "Disable", "adminSecret": {"name": "database-admin"},
    });
    json!({"deletionPolicy": policy, "postgres": {"external": external}})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn databases_on_somebody_elses_server_are_dropped_when_the_policy_says_so() {
    let shop = Shop::open().await;
    shop.create(spec(&shop, "Delete")).await.unwrap();
    let _operator = shop.operator().await;
    let message = shop.condition(ConditionType::Stalled, "True", reason::SECRET_MISSING).await;
    assert!(message.contains("database-admin") && message.contains("username"), "{message}");

    // It is trusted on loopback, whatever its password.
    let secret = json!({"metadata": {"name": "database-admin"}, "stringData": {"username": "postgres", "password": "x"}});
    let secrets: Api<Secret> = shop.api();
    secrets.create(&PostParams::default(), &serde_json::from_value(secret).unwrap()).await.unwrap();
    shop.look_again().await;
    shop.start_nats().await;
    let platform = shop.ready().await;
    assert_eq!(platform.finalizers(), [FINALIZER]);
    assert!(shop.api::<StatefulSet>().get_opt("shop-postgres").await.unwrap().is_none());
    assert!(secrets.get_opt("shop-postgres").await.unwrap().is_none());
    assert_eq!(databases(&shop).await, declared());

    delete(&shop).await;
    assert_eq!(databases(&shop).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_platform_goes_at_once_and_leaves_somebody_elses_server_alone_otherwise() {
    let shop = Shop::open().await;
    let secret = json!({"metadata": {"name": "database-admin"}, "stringData": {"username": "postgres", "password": "x"}});
    let secrets: Api<Secret> = shop.api();
    secrets.create(&PostParams::default(), &serde_json::from_value(secret).unwrap()).await.unwrap();
    shop.create(spec(&shop, "Retain")).await.unwrap();
    let operator = shop.operator().await;
    shop.start_nats().await;
    assert!(shop.ready().await.finalizers().is_empty());
    // Not even the operator is needed for it.
    operator.kill().await;
    delete(&shop).await;
    assert_eq!(databases(&shop).await, declared());
}

async fn delete(shop: &Shop) {
    shop.platforms().delete("shop", &DeleteParams::background()).await.unwrap();
    let platforms = shop.platforms();
    until(PATIENCE, "the end of the platform", async || {
        platforms.get_opt("shop").await.unwrap().is_none().then_some(())
    })
    .await
    .unwrap();
}

/// Names of the databases that services should own, in order.
fn declared() -> Vec<String> {
    let databases = topology::SERVICES.iter().filter(|service| service.database);
    let mut names: Vec<String> = databases.map(|service| service.name.to_owned()).collect();
    names.sort();
    names
}

/// Names of the databases that services own.
async fn databases(shop: &Shop) -> Vec<String> {
    let mut connection = PgConnection::connect(&shop.postgres.admin_url()).await.unwrap();
    let names: Vec<String> = sqlx::query_scalar("SELECT datname::text FROM pg_database ORDER BY datname")
        .fetch_all(&mut connection)
        .await
        .unwrap();
    names.into_iter().filter(|name| topology::service(name).is_some()).collect()
}
