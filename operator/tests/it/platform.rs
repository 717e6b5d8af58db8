//! A platform from creation to deletion, on a real API server, PostgreSQL and NATS.

use k8s_openapi::api::{
    apps::v1::{Deployment, StatefulSet},
    batch::v1::Job,
    core::v1::{ConfigMap, Secret, Service, ServiceAccount},
};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, ListParams},
};
use serde_json::json;
use shopflow_operator::{api::ConditionType, platform::reconcile::reconcile};
use testbed::until;

use crate::shop::{PATIENCE, Shop, all_ready};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_spec_becomes_a_whole_platform() {
    let (shop, _operator) = Shop::converged(json!({})).await;
    let platform = shop.ready().await;
    let status = platform.status.unwrap();
    assert_eq!(status.services_ready, Some(all_ready()));
    assert_eq!(status.version.as_deref(), Some("0.1.0"));
    assert!(status.databases.iter().all(|database| database.ready));
    let databases = topology::SERVICES.iter().filter(|service| service.database).count();
    assert_eq!(status.databases.len(), databases);
    assert!(status.streams.iter().all(|stream| stream.ready));
    assert_eq!(status.keys.len(), 1);
    assert_eq!(status.active_key.as_ref(), Some(&status.keys[0].id));
    let conditions: Vec<_> = status.conditions.iter().map(|condition| condition.type_.as_str()).collect();
    assert_eq!(conditions, ConditionType::ALL.map(ConditionType::name));
    assert!(status.conditions.iter().all(|condition| condition.observed_generation == Some(1)));
    assert_eq!(
        serde_json::to_value(&platform.spec).unwrap(),
        json!({}),
        "no defaults are written into the spec"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_converged_platform_gets_no_writes_in_a_hundred_reconciles() {
    let (shop, operator) = Shop::converged(json!({"services": {"order": {"replicas": 2}}})).await;
    shop.quiet(&operator.metrics).await;
    operator.kill().await;
    let context = shop.context().await;
    for _ in 0..100 {
        reconcile(&context, &shop.namespace, "shop").await.unwrap();
    }
    assert_eq!(context.metrics.kubernetes_writes(), 0, "{}", context.metrics.text());
    assert_eq!(context.metrics.outside_total(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_deleted_object_comes_back() {
    let (shop, _operator) = Shop::converged(json!({"services": {"gateway": {"replicas": 2}}})).await;
    let deployments: Vec<String> =
        topology::SERVICES.iter().map(|service| format!("shop-{}", service.name)).collect();
    comes_back::<Deployment>(&shop, &deployments.iter().map(String::as_str).collect::<Vec<_>>()).await;
    comes_back::<StatefulSet>(&shop, &["shop-postgres", "shop-nats"]).await;
    comes_back::<Service>(
        &shop,
        &["gateway", "order-service", "auth", "notification", "shop-postgres", "shop-nats"],
    )
    .await;
    comes_back::<ConfigMap>(&shop, &["shop-verification-keys", "shop-order", "shop-nats", "shop-postgres"])
        .await;
    comes_back::<ServiceAccount>(&shop, &["shop-services"]).await;
    comes_back::<k8s_openapi::api::policy::v1::PodDisruptionBudget>(&shop, &["shop-gateway"]).await;
    let jobs: Api<Job> = shop.api();
    let jobs = jobs.list(&ListParams::default()).await.unwrap();
    let jobs: Vec<String> = jobs.iter().map(ResourceExt::name_any).collect();
    comes_back::<Job>(&shop, &jobs.iter().map(String::as_str).collect::<Vec<_>>()).await;
    // Nobody may watch Secrets: these are missed when the operator looks again.
    let secrets = ["shop-order-database", "shop-order-owner", "shop-order-nats", "shop-order-tokens"];
    comes_back::<Secret>(&shop, &secrets).await;
    shop.ready().await;
}

/// Deletes the objects and waits for others of their names.
async fn comes_back<K>(shop: &Shop, names: &[&str])
where
    K: kube::Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>
        + Clone
        + std::fmt::Debug
        + serde::de::DeserializeOwned
        + Send
        + 'static,
{
    let api: Api<K> = shop.api();
    let mut deleted = Vec::new();
    for name in names {
        deleted.push((name, api.get(name).await.unwrap().uid()));
        api.delete(name, &DeleteParams::background()).await.unwrap();
    }
    for (name, before) in deleted {
        let back = until(PATIENCE, name, async || {
            api.get_opt(name).await.unwrap().filter(|new| new.uid() != before)
        });
        back.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_number_of_replicas_writes_one_deployment_and_nothing_else() {
    let (shop, operator) = Shop::converged(json!({"services": {"order": {"replicas": 2}}})).await;
    shop.quiet(&operator.metrics).await;
    let mut expected = operator.object_writes();
    shop.change(json!({"spec": {"services": {"order": {"replicas": 3}}}})).await.unwrap();
    shop.ready().await;
    shop.quiet(&operator.metrics).await;
    *expected.get_mut("deployments").unwrap() += 1;
    // The new pod is told the revision of its keys.
    *expected.get_mut("pods").unwrap() += 1;
    assert_eq!(operator.object_writes(), expected);
    let order = shop.api::<Deployment>().get("shop-order").await.unwrap();
    assert_eq!(order.metadata.generation, Some(2));
    assert_eq!(
        order.metadata.annotations.unwrap()["deployment.kubernetes.io/revision"],
        "1",
        "no pod is replaced"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_killed_at_any_write_leaves_what_the_next_one_finishes() {
    for writes in [1, 8, 25, 50] {
        let shop = Shop::open().await;
        shop.create(json!({})).await.unwrap();
        let first = shop.operator().await;
        let written =
            until(PATIENCE, "writes", async || (first.metrics.kubernetes_writes() >= writes).then_some(()));
        // NATS starts when its configuration is there; without it there would be an end to the writes.
        let nats = async {
            shop.start_nats().await;
            std::future::pending::<()>().await;
        };
        tokio::select! {
            written = written => written.unwrap(),
            () = nats => {}
        }
        first.kill().await;
        let _second = shop.operator().await;
        shop.start_nats().await;
        let status = shop.ready().await.status.unwrap();
        assert_eq!(status.services_ready, Some(all_ready()), "killed at write {writes}");
    }
}
