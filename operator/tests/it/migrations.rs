//! Migrations stand between two releases.

use k8s_openapi::api::{apps::v1::Deployment, batch::v1::Job, core::v1::Pod};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, ListParams},
};
use serde_json::json;
use shopflow_operator::api::{ConditionType, LABEL_COMPONENT, reason};
use testbed::until;

use crate::{
    kubelet::Fate,
    shop::{PATIENCE, Shop},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_migration_is_named_and_the_running_release_goes_on() {
    let (shop, _operator) = Shop::converged(json!({"version": "0.1.0"})).await;
    let deployments: Api<Deployment> = shop.api();
    let before = deployments.get("shop-order").await.unwrap();
    let pods_before = pods(&shop, "order").await;
    shop.kubelet.decide("order-migrate", Fate::Fails);
    shop.change(json!({"spec": {"version": "0.2.0"}})).await.unwrap();

    let message = shop.condition(ConditionType::MigrationsReady, "False", reason::MIGRATION_FAILED).await;
    let job = failed_job(&shop).await;
    assert!(job.starts_with("shop-order-migrate-"), "{job}");
    assert!(message.contains("migration of order"), "{message}");
    assert!(message.contains(&format!("kubectl logs job/{job}")), "{message}");
    shop.condition(ConditionType::Stalled, "True", reason::MIGRATION_FAILED).await;
    assert!(!pods(&shop, "order-migrate").await.is_empty(), "the pods whose log is to be read are there");

    // Another service has its own database, and does not wait.
    let image = until(PATIENCE, "the others' rollout", async || {
        image(&deployments.get("shop-auth").await.unwrap()).filter(|image| image.ends_with(":0.2.0"))
    });
    image.await.unwrap();
    let after = deployments.get("shop-order").await.unwrap();
    assert_eq!(after.metadata.generation, before.metadata.generation, "the old release is not touched");
    assert_eq!(pods(&shop, "order").await, pods_before);

    shop.kubelet.decide("order-migrate", Fate::Succeeds);
    shop.api::<Job>().delete(&job, &DeleteParams::background()).await.unwrap();
    shop.ready().await;
    let finished = deployments.get("shop-order").await.unwrap();
    assert_eq!(self::image(&finished).as_deref(), Some("localhost/shopflow:0.2.0"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_service_starts_before_its_migration_has_run() {
    let shop = Shop::open().await;
    shop.kubelet.decide("order-migrate", Fate::Waits);
    shop.create(json!({})).await.unwrap();
    let _operator = shop.operator().await;
    shop.start_nats().await;
    let deployments: Api<Deployment> = shop.api();
    let auth = until(PATIENCE, "auth", async || deployments.get_opt("shop-auth").await.unwrap());
    auth.await.unwrap();
    let message = shop.condition(ConditionType::MigrationsReady, "False", reason::MIGRATING).await;
    let message = if message.contains("auth") {
        shop.until("only order waits", async |platform| {
            let condition = platform.status.as_ref()?.condition(ConditionType::MigrationsReady)?;
            condition.message.ends_with("of order").then(|| condition.message.clone())
        })
        .await
    } else {
        message
    };
    assert!(message.contains("order"), "{message}");
    assert!(deployments.get_opt("shop-order").await.unwrap().is_none());
}

fn image(deployment: &Deployment) -> Option<String> {
    deployment.spec.as_ref()?.template.spec.as_ref()?.containers[0].image.clone()
}

async fn pods(shop: &Shop, component: &str) -> Vec<String> {
    let labels = ListParams::default().labels(&format!("{LABEL_COMPONENT}={component}"));
    shop.api::<Pod>().list(&labels).await.unwrap().iter().map(ResourceExt::name_any).collect()
}

async fn failed_job(shop: &Shop) -> String {
    let jobs = shop.api::<Job>().list(&ListParams::default()).await.unwrap();
    let failed = |job: &&Job| {
        let conditions = job.status.iter().flat_map(|status| status.conditions.iter().flatten());
        conditions.into_iter().any(|condition| condition.type_ == "Failed" && condition.status == "True")
    };
    jobs.iter().find(failed).unwrap().name_any()
}
