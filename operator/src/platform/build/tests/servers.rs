//! PostgreSQL and NATS.

use super::*;

fn set(spec: &str, name: &str) -> Value {
    get(&built(spec), Kind::StatefulSet, name).clone()
}

#[test]
fn postgresql_makes_its_own_directory_below_the_mount() {
    let set = set("{}", "shop-postgres");
    let pod = &set["spec"]["template"];
    let container = container(pod);
    let mounts = container["volumeMounts"].as_array().unwrap();
    let data = mounts.iter().find(|mount| mount["name"] == "data").unwrap();
    assert_eq!(data["mountPath"], "/var/lib/postgresql/data");
    assert!(data.get("readOnly").is_none());
    // A volume's root may hold lost+found, which initdb refuses.
    assert_eq!(container["env"][0]["value"], "/var/lib/postgresql/data/pgdata");
    let script = container["command"][2].as_str().unwrap();
    for part in [
        "initdb",
        "--pwfile=",
        "--auth=scram-sha-256",
        "--locale=C.UTF-8",
        "--encoding=UTF8",
        "--data-checksums",
    ] {
        assert!(script.contains(part), "{part}");
    }
    assert!(script.find("mv \"$PGDATA.new\"") > script.find("initdb"), "named only when it is complete");
    assert_eq!(pod["spec"]["securityContext"]["fsGroup"], pod["spec"]["securityContext"]["runAsUser"]);
}

#[test]
fn postgresql_can_write_its_socket_and_share_memory_under_a_read_only_root() {
    let objects = built("{}");
    let set = get(&objects, Kind::StatefulSet, "shop-postgres");
    let mounts = container(&set["spec"]["template"])["volumeMounts"].as_array().unwrap();
    let tmp = mounts.iter().find(|mount| mount["mountPath"] == "/tmp").unwrap();
    assert!(tmp.get("readOnly").is_none());
    let settings =
        get(&objects, Kind::ConfigMap, "shop-postgres")["data"]["postgresql.conf"].as_str().unwrap();
    // Where `psql` looks by itself, and where people look.
    assert!(settings.contains("unix_socket_directories = '/tmp, /var/run/postgresql'"));
    assert!(mounts.iter().any(|mount| mount["mountPath"] == "/var/run/postgresql"));
    let rules = get(&objects, Kind::ConfigMap, "shop-postgres")["data"]["pg_hba.conf"].as_str().unwrap();
    assert!(!rules.contains("trust"), "{rules}");
    for rule in rules.lines().filter(|rule| rule.contains("peer")) {
        assert!(rule.starts_with("local all postgres "), "nobody else without a password: {rule}");
    }
}

#[test]
fn postgresql_has_time_to_recover_and_to_stop() {
    let set = set("{}", "shop-postgres");
    let container = container(&set["spec"]["template"]);
    let allowed = |probe: &str| {
        container[probe]["periodSeconds"].as_i64().unwrap()
            * container[probe]["failureThreshold"].as_i64().unwrap()
    };
    assert!(allowed("startupProbe") >= 600);
    assert!(allowed("livenessProbe") >= 60);
    let command = container["readinessProbe"]["exec"]["command"][2].as_str().unwrap();
    assert!(command.contains("pg_isready"));
    let alive = container["livenessProbe"]["exec"]["command"][2].as_str().unwrap();
    assert!(!alive.contains("psql"), "a password that cannot be set is no reason to restart");
    assert!(container["lifecycle"]["preStop"]["exec"]["command"][2].as_str().unwrap().contains("-INT"));
    assert!(set["spec"]["template"]["spec"]["terminationGracePeriodSeconds"].as_i64().unwrap() >= 60);
}

#[test]
fn nats_keeps_its_streams_on_the_volume_and_syncs_every_message() {
    let objects = built("{}");
    let config = get(&objects, Kind::ConfigMap, "shop-nats")["data"]["nats.conf"].as_str().unwrap();
    for line in
        ["port: 4222", "http_port: 8222", "store_dir: \"/data\"", "sync_interval: always", "resolver: MEMORY"]
    {
        assert!(config.lines().any(|found| found.trim() == line), "{line} in {config}");
    }
    let container = container(&get(&objects, Kind::StatefulSet, "shop-nats")["spec"]["template"]);
    let mounts = container["volumeMounts"].as_array().unwrap();
    assert!(mounts.iter().any(|mount| mount["name"] == "data" && mount["mountPath"] == "/data"));
    assert_eq!(container["command"], json!(["nats-server", "--config", "/etc/nats/nats.conf"]));
    let ports: Vec<&Value> =
        container["ports"].as_array().unwrap().iter().map(|port| &port["containerPort"]).collect();
    assert_eq!(ports, [4222, 8222]);
    // Streams that are still recovered are no reason to kill the server.
    assert_eq!(container["livenessProbe"]["httpGet"]["path"], "/healthz?js-server-only=true");
}

#[test]
fn servers_can_be_corrected_and_later_clustered_although_their_sets_cannot_be_changed() {
    let objects = built("{}");
    for (name, port) in [("shop-postgres", 5432), ("shop-nats", 4222)] {
        let set = &get(&objects, Kind::StatefulSet, name)["spec"];
        assert_eq!(set["podManagementPolicy"], "Parallel", "a pod that cannot start is replaced");
        let headless = set["serviceName"].as_str().unwrap();
        let service = &get(&objects, Kind::Service, headless)["spec"];
        assert_eq!(service["clusterIP"], "None");
        assert_eq!(service["publishNotReadyAddresses"], true);
        assert_eq!(service["ports"][0]["port"], port);
        assert_eq!(service["selector"], set["selector"]["matchLabels"]);
    }
}

#[test]
fn volumes_are_as_declared() {
    let spec = "postgres: {managed: {storage: {size: 20Gi, storageClass: fast}}}";
    let claim = &set(spec, "shop-postgres")["spec"]["volumeClaimTemplates"][0];
    assert_eq!(claim["spec"]["resources"]["requests"]["storage"], "20Gi");
    assert_eq!(claim["spec"]["storageClassName"], "fast");
    let claim = &set("{}", "shop-nats")["spec"]["volumeClaimTemplates"][0];
    assert_eq!(claim["spec"]["resources"]["requests"]["storage"], "5Gi");
    assert!(claim["spec"].get("storageClassName").is_none(), "the cluster's default");
}

#[test]
fn a_volume_grows_in_place_and_the_template_stays() {
    let mut world = World::of("{}");
    world.live = world.applied();
    let claim = |size: &str| {
        json!({
            "metadata": {"name": "data-shop-postgres-0"},
            "spec": {"resources": {"requests": {"storage": size}}},
        })
    };
    world.live.insert(Kind::Claim, claim("10Gi"));
    assert_eq!(world.build().claims, []);
    let grown = resolve::tests::resource("postgres: {managed: {storage: {size: 20Gi}}}");
    let world = World::from(grown, world.live);
    let objects = objects(&world.build());
    let wanted = get(&objects, Kind::Claim, "data-shop-postgres-0");
    assert_eq!(wanted["spec"]["resources"]["requests"]["storage"], "20Gi");
    let template = &get(&objects, Kind::StatefulSet, "shop-postgres")["spec"]["volumeClaimTemplates"][0];
    assert_eq!(template["spec"]["resources"]["requests"]["storage"], "10Gi", "it cannot be changed");
}
