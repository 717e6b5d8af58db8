//! What is lost is missed, never silently recreated, and has a way back.

use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api,
    api::{DeleteParams, PostParams},
};
use serde_json::json;
use shopflow_operator::api::{
    ANNOTATION_RECREATE_DATABASES, ANNOTATION_RECREATE_KEYS, ConditionType, reason,
};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

use crate::shop::{Shop, all_ready};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vanished_database_is_missed_and_recreated_only_when_somebody_asks_for_it() {
    let (shop, _operator) = Shop::converged(json!({})).await;
    let before = identity(&shop, "order").await;
    let mut admin = PgConnection::connect(&shop.postgres.admin_url()).await.unwrap();
    admin.execute(AssertSqlSafe("DROP DATABASE \"order\" WITH (FORCE)")).await.unwrap();
    shop.look_again().await;
    let message = shop.condition(ConditionType::Stalled, "True", reason::DATABASE_LOST).await;
    assert!(
        message.contains("database order") && message.contains(ANNOTATION_RECREATE_DATABASES),
        "{message}"
    );
    shop.condition(ConditionType::Ready, "False", reason::DATABASE_LOST).await;
    shop.look_again().await;
    let there: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = 'order')")
        .fetch_one(&mut admin)
        .await
        .unwrap();
    assert!(!there, "an empty one would look like success");
    assert_eq!(identity(&shop, "order").await, before, "it is still remembered");

    shop.change(json!({"metadata": {"annotations": {ANNOTATION_RECREATE_DATABASES: "1"}}})).await.unwrap();
    let status = shop
        .until("another database, migrated and ready", async |platform| {
            let status = platform.status.as_ref()?;
            let ready = status.condition(ConditionType::Ready)?.status == "True";
            let order = status.databases.iter().find(|database| database.name == "order")?;
            (ready && order.identity.is_some() && order.identity != before).then(|| status.clone())
        })
        .await;
    assert_eq!(status.recreate_databases_request.as_deref(), Some("1"));
    assert_eq!(status.services_ready, Some(all_ready()));
}

async fn identity(shop: &Shop, database: &str) -> Option<String> {
    let status = shop.platforms().get("shop").await.unwrap().status.unwrap();
    status.databases.into_iter().find(|one| one.name == database)?.identity
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_keys_and_passwords_are_never_silently_recreated() {
    let (shop, _operator) = Shop::converged(json!({})).await;
    let secrets: Api<Secret> = shop.api();
    for (name, why) in [
        ("shop-signing-keys", reason::SIGNING_KEYS_LOST),
        ("shop-postgres", reason::DATABASE_PASSWORD_LOST),
        ("shop-nats", reason::NATS_SEEDS_LOST),
        ("shop-admin", reason::ADMIN_PASSWORD_LOST),
    ] {
        let mut kept = secrets.get(name).await.unwrap();
        secrets.delete(name, &DeleteParams::default()).await.unwrap();
        shop.look_again().await;
        let message = shop.condition(ConditionType::Stalled, "True", why).await;
        assert!(message.contains(ANNOTATION_RECREATE_KEYS), "{message}");
        if name == "shop-admin" {
            let way = "exec shop-postgres-0 -- psql auth -c 'DELETE FROM bootstrap'";
            assert!(
                message.contains(way) && message.contains("rollout restart deployment/shop-auth"),
                "{message}"
            );
        }
        assert!(secrets.get_opt(name).await.unwrap().is_none());
        kept.metadata.resource_version = None;
        kept.metadata.uid = None;
        kept.metadata.managed_fields = None;
        secrets.create(&PostParams::default(), &kept).await.unwrap();
        shop.look_again().await;
        shop.ready().await;
    }
    secrets.delete("shop-signing-keys", &DeleteParams::default()).await.unwrap();
    shop.look_again().await;
    let message = shop.condition(ConditionType::Stalled, "True", reason::SIGNING_KEYS_LOST).await;
    assert!(message.contains("calls between services fail from"), "{message}");
    let before = shop.platforms().get("shop").await.unwrap().status.unwrap().active_key;
    shop.change(json!({"metadata": {"annotations": {ANNOTATION_RECREATE_KEYS: "yes"}}})).await.unwrap();
    let after = shop.ready().await.status.unwrap().active_key;
    assert_ne!(before, after);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_are_renewed_whatever_else_stalls() {
    let nothing_to_patch = json!([{"kind": "PodDisruptionBudget", "name": "shop-order", "patch": {}}]);
    let impossible_together = json!({"order": {"replicas": 90}, "auth": {"replicas": 90}});
    let cases = [
        (json!({"spec": {"overrides": nothing_to_patch}}), None, reason::OVERRIDE_REFUSED),
        (json!({"spec": {"overrides": null, "services": impossible_together}}), None, reason::INVALID_SPEC),
        (json!({"spec": {"services": null}}), Some("shop-postgres"), reason::DATABASE_PASSWORD_LOST),
    ];
    let (shop, _operator) = Shop::converged(json!({})).await;
    let secrets: Api<Secret> = shop.api();
    for (change, lost, why) in cases {
        shop.change(change).await.unwrap();
        if let Some(lost) = lost {
            secrets.delete(lost, &DeleteParams::default()).await.unwrap();
            shop.look_again().await;
        }
        shop.condition(ConditionType::Stalled, "True", why).await;
        secrets.delete("shop-order-tokens", &DeleteParams::default()).await.unwrap();
        shop.look_again().await;
        shop.until("a renewed token", async |_| secrets.get_opt("shop-order-tokens").await.unwrap()).await;
        shop.condition(ConditionType::Stalled, "True", why).await;
    }
}
