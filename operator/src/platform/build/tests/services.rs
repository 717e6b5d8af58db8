//! Deployments, their network names, and who may be away.

use super::*;

fn deployment(spec: &str, service: &str) -> Value {
    get(&built(spec), Kind::Deployment, &format!("shop-{service}")).clone()
}

#[test]
fn a_service_is_served_from_its_configuration_file() {
    let order = deployment(
        "version: 1.2.3\nimage: {repository: example.org/shop, pullPolicy: Never, pullSecrets: [one]}",
        "order",
    );
    let pod = &order["spec"]["template"];
    let container = container(pod);
    assert_eq!(container["image"], "example.org/shop:1.2.3");
    assert_eq!(container["imagePullPolicy"], "Never");
    assert_eq!(pod["spec"]["imagePullSecrets"], json!([{"name": "one"}]));
    assert_eq!(container["args"], json!(["serve", "order", "--config", "/etc/shopflow/config.yaml"]));
    let config = configuration("observability: {logLevel: Debug}", "order");
    assert_eq!(config["service"]["log_level"], "debug");
    assert_eq!(config["service"]["issuer"], "https://shop.shop.svc");
    assert_eq!(config["service"]["nats_url"], "nats://shop-nats.shop.svc:4222");
    let written = config["service"].as_object().unwrap().len();
    assert_eq!(written, 3, "what is as in every release's defaults is left to them: {config}");
}

/// The configuration file of a service.
fn configuration(spec: &str, service: &str) -> Value {
    let objects = built(spec);
    let config = &get(&objects, Kind::ConfigMap, &format!("shop-{service}"))["data"]["config.yaml"];
    serde_yaml::from_str(config.as_str().unwrap()).unwrap()
}

#[test]
fn what_the_spec_declares_reaches_the_service_that_reads_it() {
    use protocol::settings::{Auth, Gateway, Notification, PasswordHash, PasswordPolicy, Tls};

    let spec = "
auth:
  tokens: {accessTtl: 30m}
  passwordHash: {bcrypt: {}}
  passwordPolicy: Length
gateway: {rateLimits: {ordersPerMinute: 7}, trustedProxies: [], connections: {perClient: 3}}
notifications:
  email: {smtp: {host: mail, tls: Tls, credentialsSecret: {name: mail}}}
  sms: {twilio: {from: '+1', credentialsSecret: {name: twilio}}}
";
    let auth: Auth = serde_json::from_value(configuration(spec, "auth")["auth"].clone()).unwrap();
    assert_eq!(auth.access_ttl_seconds, 1800);
    assert_eq!(auth.password_hash, PasswordHash::bcrypt(None));
    assert_eq!(auth.password_policy, PasswordPolicy::Length);
    assert_eq!(auth.refresh_ttl_seconds, Auth::default().refresh_ttl_seconds);
    let gateway: Gateway = serde_json::from_value(configuration(spec, "gateway")["gateway"].clone()).unwrap();
    assert_eq!(gateway.rate_limits.orders_per_minute_per_user.get(), 7);
    assert_eq!(gateway.trusted_proxies, Some(Vec::new()));
    assert_eq!(configuration(spec, "gateway")["service"]["max_connections_per_client"], 3);
    assert!(configuration(spec, "order")["service"].get("max_connections_per_client").is_none());
    let section = configuration(spec, "notification")["notification"].clone();
    let notification: Notification = serde_json::from_value(section).unwrap();
    assert_eq!((notification.email.host.as_str(), notification.email.tls), ("mail", Tls::Tls));
    let mount = |path: &str| Some(std::path::PathBuf::from(path));
    assert_eq!(notification.email.credentials_dir, mount("/etc/shopflow/smtp"));
    assert_eq!(notification.sms.credentials_dir, mount("/etc/shopflow/twilio"));
}

#[test]
fn probes_tell_starting_ready_and_alive_apart() {
    for service in topology::SERVICES {
        let deployment = deployment("{}", service.name);
        let container = container(&deployment["spec"]["template"]);
        let path = |probe: &str| container[probe]["httpGet"]["path"].clone();
        assert_eq!(path("readinessProbe"), "/ready");
        // The database must never decide whether a process lives.
        assert_eq!(path("livenessProbe"), "/health");
        assert_eq!(path("startupProbe"), "/health");
        for probe in ["readinessProbe", "livenessProbe", "startupProbe"] {
            assert_eq!(container[probe]["httpGet"]["port"], "internal", "clients cannot fill it");
            assert!(container[probe]["timeoutSeconds"].as_i64().unwrap() > 1);
        }
        let ports = json!([
            {"name": "http", "containerPort": service.port, "protocol": "TCP"},
            {"name": "internal", "containerPort": topology::INTERNAL_PORT, "protocol": "TCP"},
        ]);
        assert_eq!(container["ports"], ports);
    }
}

#[test]
fn a_rollout_never_has_fewer_pods_than_declared() {
    let order = deployment("services: {order: {replicas: 3}}", "order");
    assert_eq!(order["spec"]["replicas"], 3);
    let rolling = json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}});
    assert_eq!(order["spec"]["strategy"], rolling);
    let grace = order["spec"]["template"]["spec"]["terminationGracePeriodSeconds"].as_u64().unwrap();
    assert_eq!(grace, topology::GRACE_PERIOD.as_secs());
    // The old pod leaves the load balancer while it drains, or it would refuse requests.
    let probe = &container(&order["spec"]["template"])["readinessProbe"];
    let noticed = probe["periodSeconds"].as_u64().unwrap() * probe["failureThreshold"].as_u64().unwrap();
    assert!(noticed < topology::DRAIN.as_secs());
}

#[test]
fn a_service_answers_to_both_its_names_on_both_its_ports() {
    let objects = built("{}");
    for service in topology::SERVICES {
        for name in [service.name.to_owned(), format!("{}-service", service.name)] {
            let network = get(&objects, Kind::Service, &name);
            let ports = network["spec"]["ports"].as_array().unwrap();
            let numbers: Vec<i64> = ports.iter().map(|port| port["port"].as_i64().unwrap()).collect();
            let wanted = std::iter::once(service.port).chain(service.alias_port).map(i64::from);
            assert_eq!(numbers, wanted.collect::<Vec<_>>(), "{name}");
            assert!(ports.iter().all(|port| port["targetPort"] == "http"));
            let deployment = get(&objects, Kind::Deployment, &format!("shop-{}", service.name));
            let pod = &deployment["spec"]["template"];
            assert_eq!(container(pod)["ports"][0]["containerPort"], service.port);
            let selector = network["spec"]["selector"].as_object().unwrap();
            assert!(selector.iter().all(|(key, value)| pod["metadata"]["labels"][key] == *value), "{name}");
        }
    }
}

#[test]
fn no_service_sends_requests_to_the_pods_of_a_migration() {
    let objects = built("{}");
    let jobs = objects.iter().filter(|((kind, _), _)| *kind == Kind::Job);
    for (_, job) in jobs {
        let labels = &job["spec"]["template"]["metadata"]["labels"];
        let component = labels["app.kubernetes.io/component"].as_str().unwrap();
        assert!(topology::service(component).is_none(), "{component}");
    }
}

#[test]
fn several_pods_are_spread_and_leave_one_at_a_time() {
    let objects = built("services: {order: {replicas: 2}}");
    let order = get(&objects, Kind::Deployment, "shop-order");
    let spread = &order["spec"]["template"]["spec"]["topologySpreadConstraints"][0];
    assert_eq!(spread["topologyKey"], "kubernetes.io/hostname");
    assert_eq!(spread["whenUnsatisfiable"], "ScheduleAnyway", "one node is enough");
    assert_eq!(spread["labelSelector"], order["spec"]["selector"]);
    let budget = get(&objects, Kind::PodDisruptionBudget, "shop-order");
    assert_eq!(budget["spec"]["maxUnavailable"], 1);
    assert_eq!(budget["spec"]["selector"], order["spec"]["selector"]);
    let budgets = objects.keys().filter(|(kind, _)| *kind == Kind::PodDisruptionBudget).count();
    assert_eq!(budgets, 1, "a budget of a single pod only blocks its node");
}

#[test]
fn pods_go_where_the_spec_says() {
    let order =
        deployment("services: {order: {nodeSelector: {disk: fast}, tolerations: [{key: spot}]}}", "order");
    assert_eq!(order["spec"]["template"]["spec"]["nodeSelector"], json!({"disk": "fast"}));
    assert_eq!(order["spec"]["template"]["spec"]["tolerations"], json!([{"key": "spot"}]));
}

#[test]
fn every_service_reads_bodies_as_large_as_the_gateway_lets_through() {
    for service in topology::SERVICES {
        let section = &configuration("gateway: {bodyLimit: 4Mi}", service.name)["service"];
        assert_eq!(section["max_body_bytes"], json!(4 * 1024 * 1024), "{}", service.name);
    }
}
