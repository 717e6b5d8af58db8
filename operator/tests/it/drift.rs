//! Somebody changes objects by hand.

use std::fmt::Debug;

use k8s_openapi::{
    NamespaceResourceScope,
    api::{
        apps::v1::{Deployment, StatefulSet},
        core::v1::{ConfigMap, Pod, Service, ServiceAccount},
    },
};
use kube::{
    Api, Resource, ResourceExt as _,
    api::{ListParams, Patch, PatchParams},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use shopflow_operator::api::{ANNOTATION_MOUNTED, LABEL_COMPONENT};
use testbed::until;

use crate::shop::{PATIENCE, Shop};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_change_by_hand_is_repaired() {
    let (shop, _operator) = Shop::converged(json!({})).await;
    let image =
        json!({"spec": {"template": {"spec": {"containers": [{"name": "order", "image": "theirs"}]}}}});
    repaired::<Deployment>(&shop, "shop-order", &image).await;
    let no_probe =
        json!({"spec": {"template": {"spec": {"containers": [{"name": "auth", "readinessProbe": null}]}}}});
    repaired::<Deployment>(&shop, "shop-auth", &no_probe).await;
    repaired::<Deployment>(&shop, "shop-gateway", &json!({"spec": {"replicas": 5}})).await;
    let image =
        json!({"spec": {"template": {"spec": {"containers": [{"name": "nats", "image": "theirs"}]}}}});
    repaired::<StatefulSet>(&shop, "shop-nats", &image).await;
    repaired::<Service>(
        &shop,
        "gateway",
        &json!({"spec": {"selector": {"app.kubernetes.io/component": "x"}}}),
    )
    .await;
    repaired::<ConfigMap>(&shop, "shop-order", &json!({"data": {"config.yaml": "{}"}})).await;
    repaired::<ConfigMap>(&shop, "shop-verification-keys", &json!({"data": {"jwks.json": null}})).await;
    repaired::<ServiceAccount>(&shop, "shop-services", &json!({"automountServiceAccountToken": true})).await;
    // Without its label it is still ours, by its owner.
    let label = json!({"metadata": {"labels": {"app.kubernetes.io/instance": null}}});
    repaired::<ConfigMap>(&shop, "shop-gateway", &label).await;
    repaired::<Service>(&shop, "order", &json!({"metadata": {"ownerReferences": null}})).await;
    shop.ready().await;
}

/// Changes the object and waits until it says what it said before, wherever the change reached.
async fn repaired<K>(shop: &Shop, name: &str, patch: &Value)
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + DeserializeOwned
        + Serialize
        + Send
        + 'static,
{
    let api: Api<K> = shop.api();
    let before = serde_json::to_value(api.get(name).await.unwrap()).unwrap();
    let changed = api.patch(name, &PatchParams::default(), &Patch::Strategic(patch)).await.unwrap();
    let said = |object: &Value| {
        (
            object["metadata"]["labels"].clone(),
            object["metadata"]["ownerReferences"].clone(),
            settings(object),
        )
    };
    assert_ne!(said(&serde_json::to_value(changed).unwrap()), said(&before), "{name} was not changed");
    let mut last = Value::Null;
    let back = until(PATIENCE, name, async || {
        last = serde_json::to_value(api.get(name).await.unwrap()).unwrap();
        (said(&last) == said(&before)).then_some(())
    });
    let back = back.await;
    assert!(back.is_ok(), "{name}: {last:#}");
}

/// All that is not metadata or status.
fn settings(object: &Value) -> Value {
    let mut settings = object.clone();
    for member in ["metadata", "status"] {
        settings.as_object_mut().unwrap().remove(member);
    }
    settings
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_others_add_stays_and_is_not_fought_over() {
    let (shop, operator) = Shop::converged(json!({})).await;
    shop.quiet(&operator.metrics).await;
    let writes = operator.object_writes();
    let restart = json!({"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "now"}}}}});
    let deployments: Api<Deployment> = shop.api();
    deployments.patch("shop-order", &PatchParams::default(), &Patch::Strategic(restart)).await.unwrap();
    let label = json!({"metadata": {"labels": {"team": "shop"}}});
    shop.api::<Service>().patch("gateway", &PatchParams::default(), &Patch::Merge(label)).await.unwrap();
    shop.until("the restart", async |_| {
        let order = deployments.get("shop-order").await.unwrap();
        let status = order.status.unwrap_or_default();
        (status.observed_generation == Some(2)
            && status.updated_replicas == Some(1)
            && status.replicas == Some(1))
        .then_some(())
    })
    .await;
    // The new pod is told the revision of its keys.
    let of_order = ListParams::default().labels(&format!("{LABEL_COMPONENT}=order"));
    shop.until("the new pod's annotation", async |_| {
        let pods = shop.api::<Pod>().list(&of_order).await.unwrap().items;
        let told = |pod: &Pod| pod.annotations().contains_key(ANNOTATION_MOUNTED);
        (pods.len() == 1 && pods.iter().all(told)).then_some(())
    })
    .await;
    shop.ready().await;
    shop.quiet(&operator.metrics).await;
    let mut expected = writes;
    *expected.get_mut("pods").unwrap() += 1;
    assert_eq!(operator.object_writes(), expected);
    assert_eq!(shop.api::<Service>().get("gateway").await.unwrap().metadata.labels.unwrap()["team"], "shop");
}
