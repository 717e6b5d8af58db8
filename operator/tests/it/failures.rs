//! A part that cannot be as declared: it is named in the status, and the others go on.

use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{Pod, Secret},
    rbac::v1::Role,
};
use kube::{
    Api,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};
use shopflow_operator::api::{ConditionType, reason};
use testbed::until;

use crate::{
    kubelet::Fate,
    shop::{PATIENCE, Shop},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_that_may_not_be_read_is_named_with_the_command_that_permits_it() {
    let (shop, _operator) = Shop::converged(json!({})).await;
    let roles: Api<Role> = shop.api();
    let role = roles.get("shopflow-operator").await.unwrap();
    forget(&roles, &role, "shop-order-tokens").await;
    shop.look_again().await;
    let message = shop.condition(ConditionType::Stalled, "True", reason::FORBIDDEN).await;
    assert!(message.contains("Secret shop-order-tokens"), "{message}");
    assert!(message.contains(&format!("rbac --namespace {} --platforms shop", shop.namespace)), "{message}");
    shop.condition(ConditionType::Ready, "False", reason::FORBIDDEN).await;

    // The others are kept as ever.
    let secrets: Api<Secret> = shop.api();
    secrets.delete("shop-auth-tokens", &DeleteParams::default()).await.unwrap();
    shop.look_again().await;
    shop.until("a renewed token", async |_| secrets.get_opt("shop-auth-tokens").await.unwrap()).await;
    shop.change(json!({"spec": {"services": {"order": {"replicas": 2}}}})).await.unwrap();
    replicas(&shop, "shop-order", 2).await;
    secrets.get("shop-order-tokens").await.unwrap();

    restore(&roles, &role).await;
    shop.look_again().await;
    shop.ready().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_that_may_not_look_says_so() {
    let (shop, _operator) = Shop::converged(json!({})).await;
    let roles: Api<Role> = shop.api();
    let role = roles.get("shopflow-operator").await.unwrap();
    forget(&roles, &role, "jobs").await;
    shop.look_again().await;
    let message = shop.condition(ConditionType::Stalled, "True", reason::FORBIDDEN).await;
    assert!(message.contains("jobs") && message.contains("rbac --namespace"), "{message}");
    restore(&roles, &role).await;
    shop.look_again().await;
    shop.ready().await;
}

/// Takes a resource, or the name of one, out of the operator's permissions.
async fn forget(roles: &Api<Role>, role: &Role, what: &str) {
    let mut rules = role.rules.clone().unwrap();
    for rule in &mut rules {
        for names in [&mut rule.resources, &mut rule.resource_names].into_iter().flatten() {
            names.retain(|name| name != what);
        }
    }
    rules.retain(|rule| rule.resources.as_ref().is_some_and(|resources| !resources.is_empty()));
    let patch = Patch::Merge(json!({"rules": rules}));
    roles.patch("shopflow-operator", &PatchParams::default(), &patch).await.unwrap();
}

async fn restore(roles: &Api<Role>, role: &Role) {
    let patch = Patch::Merge(json!({"rules": role.rules}));
    roles.patch("shopflow-operator", &PatchParams::default(), &patch).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_volume_that_cannot_grow_holds_nothing_else_up_and_can_be_taken_back() {
    let (shop, _operator) = Shop::converged(json!({})).await;
    let size = |size: Value| json!({"managed": {"storage": {"size": size}}});
    let spec = json!({"postgres": size(json!("20Gi")), "services": {"order": {"replicas": 2}}});
    shop.change(json!({"spec": spec})).await.unwrap();
    let message = shop.condition(ConditionType::Stalled, "True", reason::RESIZE_REFUSED).await;
    assert!(message.contains("data-shop-postgres-0"), "{message}");
    replicas(&shop, "shop-order", 2).await;
    shop.change(json!({"spec": {"postgres": size(json!("10Gi"))}})).await.unwrap();
    shop.ready().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_image_of_a_server_is_said_and_undone_by_correcting_it() {
    let (shop, _operator) = Shop::converged(json!({})).await;
    let pods: Api<Pod> = shop.api();
    let image = async || {
        let pod = pods.get_opt("shop-nats-0").await.unwrap()?;
        pod.metadata.deletion_timestamp.is_none().then_some(())?;
        pod.spec?.containers[0].image.clone()
    };
    let good = image().await.unwrap();
    shop.kubelet.decide("nats", Fate::Unpullable);
    shop.change(json!({"spec": {"nats": {"managed": {"image": "localhost/nope:1"}}}})).await.unwrap();
    let message = shop.condition(ConditionType::MessagingReady, "False", reason::POD_FAILING).await;
    assert!(message.contains("pod shop-nats-0: ImagePullBackOff: localhost/nope:1"), "{message}");
    let status = shop.platforms().get("shop").await.unwrap().status.unwrap();
    assert_eq!(status.observed_generation, Some(2));
    assert_eq!(status.condition(ConditionType::Ready).unwrap().status, "False");

    shop.change(json!({"spec": {"nats": null}})).await.unwrap();
    until(PATIENCE, "a pod of the corrected image", async || (image().await? == good).then_some(()))
        .await
        .unwrap();
    shop.kubelet.decide("nats", Fate::Ready);
    shop.ready().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ready_is_never_said_of_a_spec_whose_servers_have_not_rolled() {
    let (shop, _operator) = Shop::converged(json!({})).await;
    shop.kubelet.decide("postgres", Fate::Waits);
    let resources = json!({"limits": {"memory": "2Gi"}});
    shop.change(json!({"spec": {"postgres": {"managed": {"resources": resources}}}})).await.unwrap();
    shop.until("the new spec is seen", async |platform| {
        (platform.status.as_ref()?.observed_generation == Some(2)).then_some(())
    })
    .await;
    let status = shop.platforms().get("shop").await.unwrap().status.unwrap();
    assert_eq!(status.condition(ConditionType::Ready).unwrap().status, "False");
    shop.condition(ConditionType::DatabasesReady, "False", reason::STARTING).await;
    shop.kubelet.decide("postgres", Fate::Ready);
    shop.ready().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_servers_credentials_that_are_missing_are_named() {
    let (shop, _operator) = Shop::converged(json!({})).await;
    // Of the names that the operator may read.
    let smtp = json!({"host": "mail", "credentialsSecret": {"name": "database-admin"}});
    shop.change(json!({"spec": {"notifications": {"email": {"smtp": smtp}}}})).await.unwrap();
    let message = shop.condition(ConditionType::Stalled, "True", reason::SECRET_MISSING).await;
    assert!(message.contains("database-admin") && message.contains("username"), "{message}");
    let secret =
        json!({"metadata": {"name": "database-admin"}, "stringData": {"username": "u", "password": "p"}});
    let secrets: Api<Secret> = shop.api();
    secrets.create(&PostParams::default(), &serde_json::from_value(secret).unwrap()).await.unwrap();
    shop.look_again().await;
    shop.ready().await;
}

async fn replicas(shop: &Shop, deployment: &str, wanted: i32) {
    let deployments: Api<Deployment> = shop.api();
    shop.until("the replicas", async |_| {
        let replicas = deployments.get(deployment).await.unwrap().spec?.replicas;
        (replicas == Some(wanted)).then_some(())
    })
    .await;
}
