//! The `restricted` profile, and what a pod is given.

use super::*;

/// Every kind of pod there is, with providers that need Secrets.
const EVERYTHING: &str = "
services: {order: {replicas: 2}}
notifications:
  email: {smtp: {host: mail, credentialsSecret: {name: mail}}}
  sms: {twilio: {from: '+1', credentialsSecret: {name: twilio}}}
";

#[test]
fn every_pod_meets_the_restricted_profile_with_a_read_only_root() {
    let objects = built(EVERYTHING);
    let migrations = topology::SERVICES.iter().filter(|service| service.database).count();
    assert_eq!(pods(&objects).len(), topology::SERVICES.len() + migrations + 2, "and two servers");
    for (name, pod) in pods(&objects) {
        let security = &pod["spec"]["securityContext"];
        assert_eq!(security["runAsNonRoot"], true, "{name}");
        assert!(security["runAsUser"].as_i64().unwrap() > 0, "{name}");
        assert_eq!(security["seccompProfile"]["type"], "RuntimeDefault", "{name}");
        let container = container(pod);
        let expected = json!({
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "capabilities": {"drop": ["ALL"]},
        });
        assert_eq!(container["securityContext"], expected, "{name}");
        for member in ["hostNetwork", "hostPID", "hostIPC", "hostUsers", "initContainers"] {
            assert!(pod["spec"].get(member).is_none(), "{name} {member}");
        }
    }
}

#[test]
fn no_pod_may_talk_to_the_api_server() {
    let objects = built(EVERYTHING);
    for (name, pod) in pods(&objects) {
        assert_eq!(pod["spec"]["automountServiceAccountToken"], false, "{name}");
        assert_eq!(pod["spec"]["serviceAccountName"], "shop-services", "{name}");
        assert_eq!(pod["spec"]["enableServiceLinks"], false, "{name}: other services are no environment");
    }
    let account = get(&objects, Kind::ServiceAccount, "shop-services");
    assert_eq!(account["automountServiceAccountToken"], false);
}

#[test]
fn volumes_are_of_the_permitted_kinds_and_secrets_are_read_only() {
    for (name, pod) in pods(&built(EVERYTHING)) {
        let volumes = pod["spec"]["volumes"].as_array().unwrap();
        for volume in volumes {
            let kinds: Vec<&String> =
                volume.as_object().unwrap().keys().filter(|key| *key != "name").collect();
            assert!(
                matches!(kinds[0].as_str(), "secret" | "configMap" | "projected" | "emptyDir"),
                "{name} {kinds:?}"
            );
            if let Some(secret) = volume.get("secret") {
                assert_eq!(secret["defaultMode"], 0o440, "{name}");
                let mounts = container(pod)["volumeMounts"].as_array().unwrap();
                let mount = mounts.iter().find(|mount| mount["name"] == volume["name"]).unwrap();
                assert_eq!(mount["readOnly"], true, "{name}");
            }
        }
    }
}

#[test]
fn a_service_is_given_its_own_secrets_and_no_others() {
    let objects = built(EVERYTHING);
    let of = |service: &str| {
        let pod = &get(&objects, Kind::Deployment, &format!("shop-{service}"))["spec"]["template"];
        let volumes = pod["spec"]["volumes"].as_array().unwrap();
        let names = volumes.iter().filter_map(|volume| volume["secret"]["secretName"].as_str());
        names.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(of("gateway"), ["shop-gateway-nats", "shop-gateway-tokens"]);
    assert_eq!(of("order"), ["shop-order-nats", "shop-order-tokens", "shop-order-database"]);
    let auth =
        ["shop-auth-nats", "shop-auth-tokens", "shop-auth-database", "shop-signing-keys", "shop-admin"];
    assert_eq!(of("auth"), auth);
    assert_eq!(of("notification")[3..], ["mail", "twilio"]);
}

#[test]
fn every_container_has_requests_and_a_limit_of_memory() {
    for (name, pod) in pods(&built("{}")) {
        let resources = &container(pod)["resources"];
        assert!(
            resources["requests"]["cpu"].is_string() && resources["requests"]["memory"].is_string(),
            "{name}"
        );
        assert!(resources["limits"]["memory"].is_string(), "{name}");
        assert!(
            resources["limits"].get("cpu").is_none(),
            "{name}: a limit of processors only slows things down"
        );
    }
    let objects = built("services: {order: {resources: {requests: {cpu: '2'}, limits: {memory: 1Gi}}}}");
    let order = container(&get(&objects, Kind::Deployment, "shop-order")["spec"]["template"]);
    assert_eq!(order["resources"], json!({"requests": {"cpu": "2"}, "limits": {"memory": "1Gi"}}));
}
