//! A signing key is replaced under running pods.

use std::collections::BTreeMap;

use async_nats::jetstream;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{ConfigMap, Pod, Secret},
};
use kube::{Api, ResourceExt as _, api::ListParams};
use serde_json::{Value, json};
use shopflow_operator::api::{
    ANNOTATION_MOUNTED, ANNOTATION_ROTATE_KEYS, ConditionType, KeyStatus, LABEL_COMPONENT, reason,
};
use testbed::until;

use crate::shop::{PATIENCE, Shop};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_key_signs_only_when_the_last_pod_has_it_and_no_pod_restarts() {
    let (shop, operator) = Shop::converged(json!({})).await;
    shop.quiet(&operator.metrics).await;
    let (pods, generations) = (pods(&shop).await, generations(&shop).await);
    let old = shop.ready().await.status.unwrap().active_key.unwrap();
    shop.change(json!({"metadata": {"annotations": {ANNOTATION_ROTATE_KEYS: "now"}}})).await.unwrap();
    let new = shop.until("a key that waits for four pods", async |platform| {
        let key = key(platform.status.as_ref()?.keys.as_slice(), "Pending")?;
        (key.waiting_for.len() == pods.len()).then(|| key.id.clone())
    });
    let new = new.await;
    assert_eq!(published(&shop).await, [old.clone(), new.clone()]);
    stamped(&shop, &pods).await;

    let (last, others) = pods.iter().next_back().map(|last| (last, pods.len() - 1)).unwrap();
    for pod in pods.iter().take(others) {
        report(&shop, pod, &[&old, &new]).await;
    }
    shop.until("one pod that is waited for", async |platform| {
        let key = key(platform.status.as_ref()?.keys.as_slice(), "Pending")?;
        (key.waiting_for == [last.0.clone()]).then_some(())
    })
    .await;
    let message = shop.condition(ConditionType::KeysReady, "True", reason::AWAITING_ADOPTION).await;
    assert!(message.contains(last.0), "{message}");
    assert_eq!(token_key(&shop).await, old, "the old key signs until then");

    report(&shop, last, &[&old, &new]).await;
    shop.until("the new key signs", async |platform| {
        let status = platform.status.as_ref()?;
        (status.active_key.as_ref() == Some(&new) && key(&status.keys, "Retiring")?.id == old).then_some(())
    })
    .await;
    assert_eq!(published(&shop).await, [old, new.clone()], "tokens of the old key are still good");
    assert_eq!(token_key(&shop).await, new);
    assert_eq!(self::pods(&shop).await, pods, "no pod was replaced");
    assert_eq!(self::generations(&shop).await, generations);
}

fn key<'a>(keys: &'a [KeyStatus], state: &str) -> Option<&'a KeyStatus> {
    keys.iter().find(|key| key.state == state)
}

/// Name and service of the pods of services.
async fn pods(shop: &Shop) -> BTreeMap<String, String> {
    let pods = shop.api::<Pod>().list(&ListParams::default()).await.unwrap();
    let of_a_service = |pod: Pod| {
        let component = pod.labels().get(LABEL_COMPONENT)?.clone();
        topology::service(&component).map(|_| (pod.name_any(), component))
    };
    pods.into_iter().filter_map(of_a_service).collect()
}

async fn generations(shop: &Shop) -> Vec<Option<i64>> {
    let deployments = shop.api::<Deployment>().list(&ListParams::default()).await.unwrap();
    deployments.iter().map(|deployment| deployment.metadata.generation).collect()
}

/// Waits until every pod carries the revision that brings it the new files at once.
async fn stamped(shop: &Shop, pods: &BTreeMap<String, String>) {
    let api: Api<Pod> = shop.api();
    for name in pods.keys() {
        let carries = until(PATIENCE, "a stamp", async || {
            api.get(name).await.unwrap().annotations().contains_key(ANNOTATION_MOUNTED).then_some(())
        });
        carries.await.unwrap();
    }
}

/// Says what a pod's service would say, with its own credentials.
async fn report(shop: &Shop, (pod, service): (&String, &String), kids: &[&String]) {
    let secret = shop.api::<Secret>().get(&format!("shop-{service}-nats")).await.unwrap();
    let credentials = String::from_utf8(secret.data.unwrap()["user.creds"].0.clone()).unwrap();
    let client = async_nats::ConnectOptions::with_credentials(&credentials)
        .unwrap()
        .custom_inbox_prefix(protocol::paths::inbox_prefix(service))
        .connect(shop.start_nats().await.url())
        .await
        .unwrap();
    let bucket = jetstream::new(client).get_key_value(topology::ADOPTION.name).await.unwrap();
    bucket.put(format!("{service}.{pod}"), json!({"kids": kids}).to_string().into()).await.unwrap();
}

/// Key ids that every service accepts.
async fn published(shop: &Shop) -> Vec<String> {
    let map = shop.api::<ConfigMap>().get("shop-verification-keys").await.unwrap();
    let set: Value = serde_json::from_str(&map.data.unwrap()["jwks.json"]).unwrap();
    set["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

/// The key that signed a service's token.
async fn token_key(shop: &Shop) -> String {
    let caller = topology::SERVICES.iter().find(|service| service.calls().next().is_some()).unwrap();
    let audience = caller.calls().next().unwrap();
    let secret = shop.api::<Secret>().get(&format!("shop-{}-tokens", caller.name)).await.unwrap();
    let token = String::from_utf8(secret.data.unwrap()[audience].0.clone()).unwrap();
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    serde_json::from_slice::<Value>(&header).unwrap()["kid"].as_str().unwrap().to_owned()
}
