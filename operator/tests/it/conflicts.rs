//! What is next to a platform in its namespace, and what the operator may do there.

use k8s_openapi::api::core::v1::{ConfigMap, Secret, Service};
use kube::{
    Api, Client,
    api::{DeleteParams, ListParams, PostParams},
};
use serde_json::{Value, json};
use shopflow_operator::api::{ConditionType, reason};
use testbed::until;

use crate::{
    control_plane,
    shop::{PATIENCE, Shop, refusal},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_platform_in_the_namespace_is_refused_and_the_first_is_left_alone() {
    let (shop, operator) = Shop::converged(json!({})).await;
    shop.quiet(&operator.metrics).await;
    let before = operator.object_writes();
    let first = shop.api::<Service>().get("gateway").await.unwrap();
    shop.create_named("second", json!({})).await.unwrap();
    let message = until(PATIENCE, "the refusal", async || {
        let status = shop.platforms().get("second").await.unwrap().status?;
        let stalled = status.condition(ConditionType::Stalled)?;
        (stalled.status == "True" && stalled.reason == reason::NAME_CONFLICT).then(|| stalled.message.clone())
    });
    let message = message.await.unwrap();
    assert!(message.contains("platform shop") && message.contains("another namespace"), "{message}");
    shop.quiet(&operator.metrics).await;
    assert_eq!(operator.object_writes(), before, "neither of them is written to");
    assert_eq!(shop.api::<Service>().get("gateway").await.unwrap(), first);
    shop.ready().await;
}

/// An object that was there before the platform.
async fn first_there(services: &Api<Service>, object: Value) -> Service {
    services.create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_elses_object_is_never_taken_over() {
    let shop = Shop::open().await;
    let object = json!({"metadata": {"name": "gateway"}, "spec": {"ports": [{"port": 80}]}});
    let services: Api<Service> = shop.api();
    let theirs = first_there(&services, object).await;
    shop.create(json!({})).await.unwrap();
    let _operator = shop.operator().await;
    let message = shop.condition(ConditionType::Stalled, "True", reason::NAME_CONFLICT).await;
    assert!(message.contains("Service gateway") && message.contains("rename or remove"), "{message}");
    assert_eq!(services.get("gateway").await.unwrap(), theirs);
    services.delete("gateway", &DeleteParams::default()).await.unwrap();
    shop.start_nats().await;
    shop.ready().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_of_the_platforms_name_keeps_its_objects() {
    let shop = Shop::open().await;
    let labels = json!({"app.kubernetes.io/instance": "shop", "app.kubernetes.io/managed-by": "Helm"});
    let object =
        json!({"metadata": {"name": "shop-nats", "labels": labels}, "spec": {"ports": [{"port": 4222}]}});
    let services: Api<Service> = shop.api();
    let theirs = first_there(&services, object).await;
    shop.create(json!({})).await.unwrap();
    let _operator = shop.operator().await;
    let message = shop.condition(ConditionType::Stalled, "True", reason::NAME_CONFLICT).await;
    assert!(message.contains("Service shop-nats"), "{message}");
    assert_eq!(services.get("shop-nats").await.unwrap(), theirs);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_operator_has_no_more_than_the_shipped_permissions() {
    let shop = Shop::open().await;
    let client = Client::try_from(control_plane::operator().await).unwrap();
    let forbidden = |message: String| assert!(message.contains("is forbidden"), "{message}");
    let secrets: Api<Secret> = Api::namespaced(client.clone(), &shop.namespace);
    forbidden(refusal(secrets.list(&ListParams::default())).await);
    forbidden(refusal(secrets.get("somebody-elses")).await);
    forbidden(refusal(secrets.delete("shop-postgres", &DeleteParams::default())).await);
    assert!(secrets.get_opt("shop-postgres").await.unwrap().is_none(), "its own it may read");
    let elsewhere: Api<ConfigMap> = Api::namespaced(client.clone(), "kube-system");
    forbidden(refusal(elsewhere.list(&ListParams::default())).await);
    let everywhere: Api<ConfigMap> = Api::all(client);
    forbidden(refusal(everywhere.list(&ListParams::default())).await);
}
