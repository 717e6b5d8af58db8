//! What stays of a deleted platform, and what does not.

use k8s_openapi::api::{
    apps::v1::{Deployment, StatefulSet},
    core::v1::{ConfigMap, PersistentVolumeClaim, Secret, Service},
};
use kube::{
    Api,
    api::{DeleteParams, ListParams},
};
use serde_json::json;
use testbed::until;

use crate::shop::{PATIENCE, Shop, all_ready};

/// Secrets that are needed to use the data again, in order.
fn keys() -> Vec<String> {
    let databases = topology::SERVICES.iter().filter(|service| service.database);
    let owned =
        databases.flat_map(|service| ["database", "owner"].map(|part| format!("{}-{part}", service.name)));
    let shared = ["admin", "nats", "postgres", "signing-keys"].map(str::to_owned);
    let mut names: Vec<String> = shared.into_iter().chain(owned).map(|part| format!("shop-{part}")).collect();
    names.sort();
    names
}

/// A ConfigMap that every namespace has.
const CLUSTERS_OWN: &str = "kube-root-ca.crt";

const VOLUMES: [&str; 2] = ["data-shop-nats-0", "data-shop-postgres-0"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_default_the_data_stays_with_its_keys_and_the_next_platform_takes_it_up() {
    let (shop, _operator) = Shop::converged(json!({})).await;
    let before = shop.ready().await.status.unwrap().active_key;
    delete(&shop).await;
    let keys = keys();
    gone::<Secret>(&shop, &keys.iter().map(String::as_str).collect::<Vec<_>>()).await;
    assert_eq!(names::<PersistentVolumeClaim>(&shop).await, VOLUMES);
    gone::<ConfigMap>(&shop, &[CLUSTERS_OWN, "shop-pin"]).await;

    shop.create(json!({})).await.unwrap();
    let after = shop.ready().await.status.unwrap();
    assert_eq!(after.active_key, before, "sessions and tokens are still good");
    assert_eq!(after.services_ready, Some(all_ready()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_delete_nothing_stays() {
    // Changed later, so that what was retained before is handed over.
    let (shop, operator) = Shop::converged(json!({})).await;
    shop.change(json!({"spec": {"deletionPolicy": "Delete"}})).await.unwrap();
    shop.ready().await;
    shop.quiet(&operator.metrics).await;
    delete(&shop).await;
    gone::<Secret>(&shop, &[]).await;
    gone::<PersistentVolumeClaim>(&shop, &[]).await;
    gone::<ConfigMap>(&shop, &[CLUSTERS_OWN]).await;
}

/// Deletes the platform and waits for the end of what runs.
async fn delete(shop: &Shop) {
    shop.platforms().delete("shop", &DeleteParams::background()).await.unwrap();
    gone::<Deployment>(shop, &[]).await;
    gone::<StatefulSet>(shop, &[]).await;
    gone::<Service>(shop, &[]).await;
}

/// Waits until no others than these are left; the cluster's own are not counted.
async fn gone<K>(shop: &Shop, left: &[&str])
where
    K: kube::Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>
        + Clone
        + std::fmt::Debug
        + serde::de::DeserializeOwned
        + Send
        + 'static,
{
    let mut last = Vec::new();
    let result = until(PATIENCE, "the end of what was deleted", async || {
        last = names::<K>(shop).await;
        last.iter().all(|name| left.contains(&name.as_str())).then_some(())
    });
    let ended = result.await;
    assert!(ended.is_ok(), "{} still there: {last:?}", K::kind(&()));
    last.retain(|name| name != CLUSTERS_OWN);
    let wanted: Vec<&str> = left.iter().copied().filter(|name| *name != CLUSTERS_OWN).collect();
    assert_eq!(last, wanted);
}

async fn names<K>(shop: &Shop) -> Vec<String>
where
    K: kube::Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>
        + Clone
        + std::fmt::Debug
        + serde::de::DeserializeOwned
        + Send
        + 'static,
{
    let api: Api<K> = shop.api();
    let mut names: Vec<String> =
        api.list(&ListParams::default()).await.unwrap().iter().map(kube::ResourceExt::name_any).collect();
    names.sort();
    names
}
