//! What restarts pods, what runs a migration, and what waits for one.

use super::*;
use crate::api::ANNOTATION_CONFIG;

/// Names of the objects whose pods differ between two specs.
fn replaced(before: &str, after: &str) -> Vec<String> {
    let (before, after) = (World::of(before), World::of(after));
    // The same keys and passwords, so that only the spec differs.
    let after = World { stored: before.stored_again(), keys: before.keys_again(), ..after };
    let (before, after) = (objects(&before.build()), objects(&after.build()));
    let changed = before.iter().filter(|(key, object)| {
        let templates = [object.pointer("/spec/template"), after[*key].pointer("/spec/template")];
        templates[0] != templates[1]
    });
    changed.map(|((_, name), _)| name.clone()).collect()
}

/// Deployments of the services with such names, in the topology's order.
fn deployments(chosen: impl Fn(&str) -> bool) -> Vec<String> {
    let names = topology::SERVICES.iter().map(|service| service.name).filter(|name| chosen(name));
    names.map(|name| format!("shop-{name}")).collect()
}

impl World {
    /// Read again from what was written.
    fn again(&self) -> Self {
        Self::from(self.resource.clone(), self.applied())
    }

    fn stored_again(&self) -> StoredCredentials {
        self.again().stored
    }

    fn keys_again(&self) -> Keys {
        self.again().keys
    }
}

#[test]
fn the_same_input_builds_the_same_objects() {
    let world = World::of("services: {order: {replicas: 2}}");
    assert_eq!(objects(&world.build()), objects(&world.build()));
}

#[test]
fn what_was_written_is_built_again_from_what_was_written() {
    let world = World::of("services: {order: {replicas: 2}}");
    let again = world.again();
    assert_eq!(objects(&world.build()), objects(&again.build()));
    assert_eq!(again.build().obsolete, []);
}

#[test]
fn only_what_needs_a_restart_replaces_pods() {
    let mut services = deployments(|_| true);
    services.sort();
    let none: [&str; 0] = [];
    assert_eq!(replaced("{}", "observability: {logLevel: Debug}"), services);
    assert_eq!(replaced("{}", "auth: {tokens: {accessTtl: 30m}}"), ["shop-auth"]);
    assert_eq!(replaced("{}", "gateway: {rateLimits: {authPerMinute: 5}}"), ["shop-gateway"]);
    assert_eq!(replaced("{}", "services: {order: {image: 'x:1'}}"), ["shop-order"]);
    assert_eq!(replaced("{}", "notifications: {email: {smtp: {host: mail}}}"), ["shop-notification"]);
    // The gateway's pods open no connections, which could ask for a larger server of PostgreSQL.
    assert_eq!(replaced("{}", "services: {gateway: {replicas: 3}}"), none);
    assert_eq!(replaced("{}", "deletionPolicy: Delete"), none);
    assert_eq!(replaced("{}", "auth: {signingKeys: {rotateEvery: 24h}}"), none);
    assert_eq!(replaced("{}", "postgres: {credentials: {rotateEvery: 24h}}"), none);
}

#[test]
fn other_keys_and_passwords_replace_no_pod() {
    let (one, other) = (World::of("{}"), World::of("{}"));
    let (one, other) = (objects(&one.build()), objects(&other.build()));
    for name in deployments(|_| true) {
        assert_eq!(get(&one, Kind::Deployment, &name), get(&other, Kind::Deployment, &name));
    }
    let secret = |objects: &Objects| get(objects, Kind::Secret, "shop-signing-keys")["data"].clone();
    assert_ne!(secret(&one), secret(&other));
}

#[test]
fn the_configuration_is_part_of_the_template_by_its_hash() {
    let revision = |spec: &str| {
        let objects = built(spec);
        let order = get(&objects, Kind::Deployment, "shop-order");
        order["spec"]["template"]["metadata"]["annotations"][ANNOTATION_CONFIG].as_str().unwrap().to_owned()
    };
    assert_eq!(revision("{}"), revision("services: {order: {image: 'x:1', replicas: 2}}"));
    assert_ne!(revision("{}"), revision("observability: {otlpEndpoint: 'http://collector:4318'}"));
}

fn migration(spec: &str) -> String {
    let world = World::of(spec);
    let order = world.platform.databases().find(|plan| plan.service.name == "order").unwrap();
    job::name(&world.platform, order, None)
}

#[test]
fn another_image_is_another_migration_and_nothing_else_is() {
    let first = migration("{}");
    assert_eq!(first.len(), "shop-order-migrate-".len() + 8);
    for same in [
        "observability: {logLevel: Debug}",
        "services: {order: {replicas: 3, resources: {limits: {memory: 1Gi}}, nodeSelector: {a: b}}}",
        "services: {auth: {image: 'x:1'}}",
        "image: {pullPolicy: Always}",
    ] {
        assert_eq!(migration(same), first, "{same}");
    }
    for other in ["version: 9.9.9", "services: {order: {image: 'x:1'}}", "image: {repository: x}"] {
        assert_ne!(migration(other), first, "{other}");
    }
}

#[test]
fn a_database_that_was_made_again_is_migrated_again() {
    let mut world = World::of("{}");
    assert_eq!(world.build().jobs, [], "it ran already");
    world.servers.identities.insert("order".to_owned(), "7/16385".to_owned());
    let desired = world.build();
    assert_eq!(desired.jobs.len(), 1);
    assert!(!names(&desired.deployments).contains(&"shop-order".to_owned()), "its pods wait for it");
}

#[test]
fn a_migration_runs_as_the_owner_once_the_database_is_ready() {
    let mut world = World::of("{}");
    assert_eq!(world.build().jobs, [], "it ran already");
    world.live = Live::default();
    let objects = objects(&world.build());
    let job = get(&objects, Kind::Job, &migration("{}"));
    let pod = &job["spec"]["template"];
    assert_eq!(container(pod)["args"], json!(["migrate", "order", "--config", "/etc/shopflow/config.yaml"]));
    assert_eq!(pod["spec"]["volumes"][1]["secret"]["secretName"], "shop-order-owner");
    assert_eq!(pod["spec"]["restartPolicy"], "Never", "failed pods stay, with their log");
    assert!(
        job["spec"]["backoffLimit"].as_i64().unwrap() > 0 && job["spec"]["activeDeadlineSeconds"].is_i64()
    );
    world.servers.database = Seen::Starting;
    assert_eq!(world.build().jobs, []);
}

#[test]
fn services_wait_for_their_migration_and_those_with_a_database_never_for_anothers() {
    let mut world = World::of("{}");
    let name = migration("{}");
    for end in ["Failed", "Suspended"] {
        let conditions = json!([{"type": end, "status": "True"}]);
        world
            .live
            .insert(Kind::Job, json!({"metadata": {"name": name}, "status": {"conditions": conditions}}));
        let desired = world.build();
        let others = |name: &str| {
            let service = topology::service(name).unwrap();
            // Those without a database lead to the others.
            service.database && name != "order"
        };
        assert_eq!(names(&desired.deployments), deployments(others));
        assert_eq!(desired.obsolete, [], "what runs goes on");
    }
}

#[test]
fn a_migration_that_cannot_start_holds_no_other_service_up() {
    let mut world = World::of("{}");
    world.live = Live::default();
    world.migrate("Complete");
    world.servers.database = Seen::Known(BTreeMap::new());
    world.live.insert(Kind::Job, json!({"metadata": {"name": migration("{}")}}));
    let desired = world.build();
    assert_eq!(names(&desired.deployments), deployments(|service| service != "order"));
}

#[test]
fn what_no_spec_asks_for_any_more_goes_if_it_is_ours() {
    let mut world = World::of("{}");
    let uid = world.platform.owner.uid.clone();
    let owned = |name: &str| json!({"metadata": {"name": name, "ownerReferences": [{"uid": uid}]}});
    world.live.insert(Kind::PodDisruptionBudget, owned("shop-order"));
    world.live.insert(Kind::Job, owned("shop-order-migrate-00000000"));
    world
        .live
        .insert(Kind::ConfigMap, json!({"metadata": {"name": "theirs", "ownerReferences": [{"uid": "2"}]}}));
    let mut going = owned("going");
    going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
    world.live.insert(Kind::Service, going);
    world.live.insert(Kind::PersistentVolumeClaim, owned("data-shop-postgres-0"));
    let expected = [(Kind::Job, "shop-order-migrate-00000000"), (Kind::PodDisruptionBudget, "shop-order")];
    assert_eq!(world.build().obsolete, expected.map(|(kind, name)| (kind, name.to_owned())));
}
