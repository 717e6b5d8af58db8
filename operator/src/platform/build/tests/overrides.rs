//! Patches that come last.

use super::*;

fn patched(kind: &str, name: &str, patch: &str) -> Result<Desired, String> {
    let world = World::of(&format!("overrides: [{{kind: {kind}, name: {name}, patch: {patch}}}]"));
    world.try_build().map_err(|error| error.to_string())
}

#[test]
fn a_patch_is_merged_into_the_finished_object() {
    let desired =
        patched("Deployment", "shop-order", "{spec: {replicas: 7, template: {spec: {dnsPolicy: Default}}}}");
    let objects = objects(&desired.unwrap());
    let order = get(&objects, Kind::Deployment, "shop-order");
    assert_eq!(order["spec"]["replicas"], 7);
    assert_eq!(order["spec"]["template"]["spec"]["dnsPolicy"], "Default");
    assert_eq!(order["spec"]["strategy"]["type"], "RollingUpdate", "the rest stays");
    assert_eq!(
        *get(&objects, Kind::Deployment, "shop-auth"),
        *get(&built("{}"), Kind::Deployment, "shop-auth")
    );
}

#[test]
fn null_removes_and_lists_are_replaced() {
    let patch = "{spec: {template: {spec: {containers: [{name: order, image: x}], topologySpreadConstraints: null}}}}";
    let objects = objects(&patched("Deployment", "shop-order", patch).unwrap());
    let pod = &get(&objects, Kind::Deployment, "shop-order")["spec"]["template"]["spec"];
    assert_eq!(pod["containers"], json!([{"name": "order", "image": "x"}]));
    assert!(pod.get("topologySpreadConstraints").is_none());
}

#[test]
fn impossible_patches_are_refused_by_name() {
    for (kind, name, patch, message) in [
        ("Deployment", "shop-shipping", "{}", "no Deployment named shop-shipping"),
        ("PodDisruptionBudget", "shop-order", "{}", "no PodDisruptionBudget named shop-order"),
        ("Deployment", "shop-order", "{spec: {replicas: many}}", "is not one any more"),
        ("Service", "gateway", "{metadata: {name: door}}", "cannot be patched"),
        ("Service", "gateway", "{metadata: {namespace: kube-system}}", "cannot be patched"),
        ("Service", "gateway", "{metadata: {labels: {app.kubernetes.io/instance: x}}}", "cannot be patched"),
        ("StatefulSet", "shop-nats", "{metadata: {ownerReferences: null}}", "cannot be patched"),
    ] {
        let error = patched(kind, name, patch).unwrap_err();
        assert!(error.contains(message) && error.contains(name), "{error}");
    }
}

#[test]
fn labels_and_annotations_may_be_added() {
    let objects = objects(
        &patched("Service", "gateway", "{metadata: {labels: {team: shop}, annotations: {a: b}}}").unwrap(),
    );
    let gateway = get(&objects, Kind::Service, "gateway");
    assert_eq!(
        (&gateway["metadata"]["labels"]["team"], &gateway["metadata"]["annotations"]["a"]),
        (&json!("shop"), &json!("b"))
    );
}

#[test]
fn secrets_cannot_be_named() {
    let spec = "overrides: [{kind: Secret, name: shop-admin, patch: {}}]";
    assert!(serde_yaml::from_str::<crate::api::ShopFlowPlatformSpec>(spec).is_err());
}
