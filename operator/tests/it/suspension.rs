//! `spec.suspend` keeps the operator's hands off.

use k8s_openapi::api::{apps::v1::Deployment, core::v1::ConfigMap};
use kube::{Api, api::DeleteParams};
use serde_json::json;
use shopflow_operator::api::{ConditionType, reason};

use crate::shop::Shop;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_written_while_suspended_and_the_status_says_what_waits() {
    let (shop, operator) = Shop::converged(json!({"services": {"order": {"replicas": 2}}})).await;
    shop.quiet(&operator.metrics).await;
    shop.change(json!({"spec": {"suspend": true}})).await.unwrap();
    shop.condition(ConditionType::Suspended, "True", reason::SUSPENDED).await;
    let before = operator.object_writes();

    shop.change(json!({"spec": {"services": {"order": {"replicas": 3}}}})).await.unwrap();
    shop.api::<ConfigMap>().delete("shop-gateway", &DeleteParams::default()).await.unwrap();
    let message = shop
        .until("two changes that wait", async |platform| {
            let suspended = platform.status.as_ref()?.condition(ConditionType::Suspended)?;
            (suspended.reason == reason::CHANGES_WAIT && suspended.message.starts_with("2 "))
                .then(|| suspended.message.clone())
        })
        .await;
    assert!(message.contains("spec.suspend"), "{message}");
    shop.condition(ConditionType::Ready, "False", reason::CHANGES_WAIT).await;
    assert_eq!(operator.object_writes(), before);
    let deployments: Api<Deployment> = shop.api();
    assert_eq!(deployments.get("shop-order").await.unwrap().spec.unwrap().replicas, Some(2));

    shop.change(json!({"spec": {"suspend": null}})).await.unwrap();
    shop.ready().await;
    assert_eq!(deployments.get("shop-order").await.unwrap().spec.unwrap().replicas, Some(3));
    shop.api::<ConfigMap>().get("shop-gateway").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_platform_that_is_suspended_from_the_start_is_not_begun() {
    let shop = Shop::open().await;
    shop.create(json!({"suspend": true})).await.unwrap();
    let operator = shop.operator().await;
    shop.condition(ConditionType::Suspended, "True", reason::CHANGES_WAIT).await;
    // Neither does it say something else each time that it looks.
    shop.quiet(&operator.metrics).await;
    let words = operator.metrics.kubernetes_writes();
    for _ in 0..3 {
        shop.look_again().await;
    }
    shop.quiet(&operator.metrics).await;
    assert_eq!(operator.metrics.kubernetes_writes(), words);
    assert_eq!(operator.object_writes(), std::collections::BTreeMap::new());

    shop.change(json!({"spec": {"suspend": null}})).await.unwrap();
    shop.start_nats().await;
    shop.ready().await;
}
