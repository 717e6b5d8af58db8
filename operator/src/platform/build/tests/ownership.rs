//! Labels, owners, and what outlives a platform.

use super::*;

/// Secrets without which the data cannot be used again, in order.
fn hold_data() -> Vec<String> {
    let shared = ["admin", "nats", "postgres", "signing-keys"].map(str::to_owned);
    let databases = topology::SERVICES.iter().filter(|service| service.database);
    let owned =
        databases.flat_map(|service| ["database", "owner"].map(|part| format!("{}-{part}", service.name)));
    let mut names: Vec<String> = shared.into_iter().chain(owned).map(|part| format!("shop-{part}")).collect();
    names.sort();
    names
}

#[test]
fn every_object_says_whose_it_is() {
    for ((kind, name), object) in built("services: {order: {replicas: 2}}") {
        let labels = &object["metadata"]["labels"];
        assert_eq!(labels["app.kubernetes.io/name"], "shopflow", "{kind:?} {name}");
        assert_eq!(labels["app.kubernetes.io/instance"], "shop", "{kind:?} {name}");
        assert_eq!(labels["app.kubernetes.io/managed-by"], "shopflow-operator", "{kind:?} {name}");
        assert!(labels["app.kubernetes.io/component"].is_string(), "{kind:?} {name}");
        assert_eq!(object["metadata"]["namespace"], "shop", "{kind:?} {name}");
    }
}

#[test]
fn everything_goes_with_the_platform_but_what_the_data_needs() {
    let unowned: Vec<String> = built("{}")
        .into_iter()
        .filter(|(_, object)| object["metadata"]["ownerReferences"].is_null())
        .map(|((kind, name), _)| {
            assert_eq!(kind, Kind::Secret, "{name}");
            name
        })
        .collect();
    assert_eq!(unowned, hold_data());
    for ((kind, name), object) in built("deletionPolicy: Delete") {
        let owner = &object["metadata"]["ownerReferences"][0];
        assert_eq!(owner["kind"], "ShopFlowPlatform", "{kind:?} {name}");
        assert_eq!(owner["uid"], "11111111-2222-3333-4444-555555555555");
        assert_eq!(owner["controller"], true);
        assert_eq!(owner["blockOwnerDeletion"], true, "a foreground deletion waits for it");
    }
}

#[test]
fn volumes_outlive_the_platform_unless_it_says_delete() {
    for (spec, deleted) in [("{}", "Retain"), ("deletionPolicy: Delete", "Delete")] {
        let objects = built(spec);
        for name in ["shop-postgres", "shop-nats"] {
            let policy =
                &get(&objects, Kind::StatefulSet, name)["spec"]["persistentVolumeClaimRetentionPolicy"];
            assert_eq!(*policy, json!({"whenDeleted": deleted, "whenScaled": "Retain"}), "{name}");
        }
    }
}

#[test]
fn selectors_are_the_same_whatever_the_spec_says() {
    let selectors = |spec: &str| {
        let objects = built(spec);
        let found =
            objects.into_iter().filter(|((kind, _), _)| matches!(kind, Kind::Deployment | Kind::StatefulSet));
        found.map(|(key, object)| (key, object["spec"]["selector"].clone())).collect::<Vec<_>>()
    };
    let other =
        "version: 9.9.9\nservices: {order: {replicas: 9, nodeSelector: {a: b}}}\ndeletionPolicy: Delete";
    assert_eq!(selectors("{}"), selectors(other));
}
