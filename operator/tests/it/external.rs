//! A platform on an external PostgreSQL.

use k8s_openapi::api::{apps::v1::StatefulSet, core::v1::Secret, events::v1::Event};
use kube::{
    Api, ResourceExt as _,
    api::{DeleteParams, ListParams, PostParams},
};
use serde_json::{Value, json};
use shopflow_operator::{
    api::{ANNOTATION_DROP_FAILING_SINCE, ConditionType, reason},
    platform::deletion::FINALIZER,
};
use sqlx::{Connection as _, PgConnection};
use testbed::until;

use crate::shop::{Operator, PATIENCE, Shop};

fn spec(shop: &Shop, policy: &str) -> Value {
    let external = json!({
        "host": "127.0.0.1", "port": shop.postgres.port(), "tls": "Disable", "adminSecret": {"name": "database-admin"},
    });
    json!({"deletionPolicy": policy, "postgres": {"external": external}})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn databases_on_an_external_server_are_dropped_when_the_policy_says_so() {
    let shop = Shop::open().await;
    shop.create(spec(&shop, "Delete")).await.unwrap();
    let _operator = shop.operator().await;
    let message = shop.condition(ConditionType::Stalled, "True", reason::SECRET_MISSING).await;
    assert!(message.contains("database-admin") && message.contains("username"), "{message}");

    administrator(&shop).await;
    let secrets: Api<Secret> = shop.api();
    shop.look_again().await;
    shop.start_nats().await;
    let platform = shop.ready().await;
    assert_eq!(platform.finalizers(), [FINALIZER]);
    assert!(shop.api::<StatefulSet>().get_opt("shop-postgres").await.unwrap().is_none());
    assert!(secrets.get_opt("shop-postgres").await.unwrap().is_none());
    assert_eq!(databases(&shop).await, declared());

    delete(&shop, DeleteParams::background()).await;
    assert_eq!(databases(&shop).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreground_deletion_drops_the_databases_although_the_platforms_secrets_go_first() {
    let (shop, operator) = converged("Delete").await;
    // Whatever is collected before the operator looks, it needs the administrator alone.
    operator.kill().await;
    shop.platforms().delete("shop", &DeleteParams::foreground()).await.unwrap();
    let secrets: Api<Secret> = shop.api();
    until(PATIENCE, "the end of the platform's Secrets", async || {
        let gone = secrets.get_opt("shop-signing-keys").await.unwrap().is_none();
        (gone && secrets.get_opt("shop-nats").await.unwrap().is_none()).then_some(())
    })
    .await
    .unwrap();
    assert_eq!(databases(&shop).await, declared());
    let _operator = shop.operator().await;
    gone(&shop).await;
    assert_eq!(databases(&shop).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn databases_stay_when_retain_is_said_or_the_platform_is_suspended_before_its_end() {
    for last_words in [json!({"deletionPolicy": "Retain", "suspend": true}), json!({"suspend": true})] {
        let (shop, operator) = converged("Delete").await;
        operator.kill().await;
        shop.change(json!({"spec": last_words})).await.unwrap();
        shop.platforms().delete("shop", &DeleteParams::background()).await.unwrap();
        let deleted = shop.platforms().get("shop").await.unwrap();
        assert_eq!(deleted.finalizers(), [FINALIZER], "it is the operator's to take off");
        let _operator = shop.operator().await;
        gone(&shop).await;
        assert_eq!(databases(&shop).await, declared(), "{last_words}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_does_not_answer_delays_the_end_from_the_first_attempt_and_only_for_a_while() {
    let (shop, _operator) = converged("Delete").await;
    shop.postgres.stop().await.unwrap();
    shop.platforms().delete("shop", &DeleteParams::background()).await.unwrap();
    let message = shop.condition(ConditionType::Ready, "False", reason::DELETING).await;
    assert!(message.contains("cannot be dropped yet"), "{message}");
    let since = "2026-01-01T00:00:00Z";
    let annotations = json!({"metadata": {"annotations": {ANNOTATION_DROP_FAILING_SINCE: since}}});
    shop.change(annotations).await.unwrap();
    gone(&shop).await;
    let events: Api<Event> = shop.api();
    let left = until(PATIENCE, "the event", async || {
        let events = events.list(&ListParams::default()).await.unwrap();
        events.into_iter().find(|event| event.reason.as_deref() == Some("DatabasesLeft"))
    });
    let left = left.await.unwrap();
    assert_eq!(left.type_.as_deref(), Some("Warning"));
    assert!(left.note.unwrap().contains("order"));
    shop.postgres.start_again().await.unwrap();
    assert_eq!(databases(&shop).await, declared());
}

/// A platform on an external server, with this policy.
async fn converged(policy: &str) -> (Shop, Operator) {
    let shop = Shop::open().await;
    administrator(&shop).await;
    shop.create(spec(&shop, policy)).await.unwrap();
    let operator = shop.operator().await;
    shop.start_nats().await;
    shop.ready().await;
    (shop, operator)
}

/// The Secret of the server's administrator, who is trusted on loopback, whatever the password.
async fn administrator(shop: &Shop) {
    let secret = json!({"metadata": {"name": "database-admin"}, "stringData": {"username": "postgres", "password": "x"}});
    let secrets: Api<Secret> = shop.api();
    secrets.create(&PostParams::default(), &serde_json::from_value(secret).unwrap()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_platform_goes_at_once_and_leaves_an_external_server_alone_otherwise() {
    let (shop, operator) = converged("Retain").await;
    assert!(shop.ready().await.finalizers().is_empty());
    // Not even the operator is needed for it.
    operator.kill().await;
    delete(&shop, DeleteParams::background()).await;
    assert_eq!(databases(&shop).await, declared());
}

async fn delete(shop: &Shop, parameters: DeleteParams) {
    shop.platforms().delete("shop", &parameters).await.unwrap();
    gone(shop).await;
}

/// Waits for the end of the platform.
async fn gone(shop: &Shop) {
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
