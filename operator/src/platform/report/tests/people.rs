//! What people read: columns, lists and messages.

use std::collections::BTreeSet;

use super::*;

#[test]
fn the_columns_have_their_values() {
    let status = serde_json::to_value(World::converged().status().0).unwrap();
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(status["servicesReady"], ready(topology::SERVICES.len()));
    assert_eq!(status["activeKey"], status["keys"][0]["id"]);
    assert_eq!(status["nextRotation"], "2027-04-15T08:00:00Z", "90 days after the first key");
    let ready = &status["conditions"][0];
    assert_eq!((&ready["type"], &ready["status"]), (&json!("Ready"), &json!("True")));
    assert!(!ready["message"].as_str().unwrap().is_empty());
}

#[test]
fn endpoints_are_those_inside_the_cluster() {
    let endpoints = World::converged().status().0.endpoints.unwrap();
    assert_eq!(endpoints.jwks, "http://auth.shop.svc:3001/.well-known/jwks.json");
    assert_eq!(endpoints.issuer, "https://shop.shop.svc");
    assert_eq!(endpoints.nats, "nats://shop-nats.shop.svc:4222");
    assert!(endpoints.api.starts_with("http://gateway.shop.svc:"));
    assert!(endpoints.postgres.ends_with(":5432"));
}

#[test]
fn a_service_says_why_its_pods_are_missing() {
    let failure = json!({"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"});
    let stuck = json!({"type": "Progressing", "status": "False", "message": "deadline exceeded"});
    for (patch, ready, reason) in [
        (json!({"status": {"readyReplicas": 0}}), 0, "pods are starting"),
        (json!({"status": {"readyReplicas": null, "conditions": [failure]}}), 0, "exceeded quota"),
        (json!({"status": {"readyReplicas": 0, "conditions": [stuck]}}), 0, "deadline exceeded"),
        // The new pod is ready, the old one has not gone yet.
        (json!({"status": {"replicas": 2, "readyReplicas": 2}}), 1, "pods are starting"),
        // The old pod serves, and none of the new ones.
        (json!({"status": {"replicas": 2, "readyReplicas": 1}}), 0, "pods are starting"),
        (json!({"metadata": {"generation": 9}}), 0, "pods are starting"),
        (
            json!({"spec": {"replicas": 3}, "status": {"readyReplicas": 0}}),
            0,
            "the number of pods is not changed yet",
        ),
    ] {
        let mut world = World::converged();
        world.deployment("order", &patch);
        let status = world.status().0;
        let order = status.services.iter().find(|service| service.name == "order").unwrap();
        assert_eq!(
            (order.ready, order.desired, order.reason.as_deref()),
            (ready, 1, Some(reason)),
            "{patch}"
        );
        assert_eq!(status.services_ready, Some(super::ready(topology::SERVICES.len() - 1)));
        let message = &status.condition(ConditionType::ServicesReady).unwrap().message;
        assert_eq!(*message, format!("order {ready}/1: {reason}"));
    }
}

#[test]
fn what_a_pod_says_of_itself_is_in_the_condition_with_its_name() {
    let mut world = World::converged();
    world.deployment("order", &json!({"status": {"replicas": 2, "readyReplicas": 1}}));
    world.waiting_pod("order", "ImagePullBackOff");
    world.applied().migrations[0].2 = Migration::Running;
    let service = world.applied().migrations[0].0;
    world.waiting_pod(&format!("{service}-migrate"), "ErrImagePull");
    world.object(Kind::StatefulSet, "postgres", &json!({"status": {"readyReplicas": 0}}));
    world.waiting_pod("postgres", "ImagePullBackOff");
    let status = world.status().0;
    let message = |type_| status.condition(type_).unwrap().message.clone();
    assert_eq!(
        message(ConditionType::ServicesReady),
        "order 0/1: pod shop-order-x: ImagePullBackOff: localhost/nope:1"
    );
    assert_eq!(
        message(ConditionType::MigrationsReady),
        format!(
            "waiting for the migration of {service}: pod shop-{service}-migrate-x: ErrImagePull: localhost/nope:1"
        )
    );
    assert_eq!(
        message(ConditionType::DatabasesReady),
        "PostgreSQL: pod shop-postgres-x: ImagePullBackOff: localhost/nope:1"
    );
}

#[test]
fn a_release_is_said_to_run_only_once_it_serves() {
    let mut world = World::converged();
    let before = world.say().version;
    world.platform.as_mut().unwrap().version = "9.9.9".to_owned();
    world.applied().migrations[0].2 = Migration::Failed;
    assert_eq!(world.say().version, before);
    world.applied().migrations[0].2 = Migration::Done;
    assert_eq!(world.say().version.as_deref(), Some("9.9.9"));
}

#[test]
fn a_stalled_or_suspended_platform_says_when_calls_between_services_begin_to_fail() {
    let deadline = "calls between services fail from 2027-01-15T09:00:00Z on";
    let mut world = World::of("suspend: true");
    world.tokens_end = Some("2027-01-15T09:00:00.5Z".parse().unwrap());
    let message = |world: &World, type_| world.status().0.condition(type_).unwrap().message.clone();
    assert!(message(&world, ConditionType::Suspended).contains(deadline));
    let mut world = World::converged();
    world.failed(reason::SIGNING_KEYS_LOST, true);
    assert!(!message(&world, ConditionType::Stalled).contains("calls"), "they are renewed");
    world.tokens_end = Some("2027-01-15T09:00:00.5Z".parse().unwrap());
    assert!(message(&world, ConditionType::Stalled).contains(deadline));
}

#[test]
fn a_database_is_remembered_by_its_identity() {
    let mut world = World::converged();
    let said = world.say();
    assert!(said.databases.iter().all(|database| database.identity.is_some()));
    let platform = resolve::resolve(&world.resource, &Release::default()).unwrap();
    assert_eq!(platform.database_identities, world.servers().identities);
    assert!(!platform.may_recreate_databases);
    world.resource.annotations_mut().insert(ANNOTATION_RECREATE_DATABASES.to_owned(), "1".to_owned());
    assert!(resolve::resolve(&world.resource, &Release::default()).unwrap().may_recreate_databases);
    world.applied().database = Outside::Refused("no".to_owned());
    assert_eq!(world.say().recreate_databases_request, None, "it is not done yet");
    world.applied().database = Outside::Changed(3);
    assert_eq!(world.say().recreate_databases_request.as_deref(), Some("1"));
    assert!(!resolve::resolve(&world.resource, &Release::default()).unwrap().may_recreate_databases);
}

#[test]
fn a_service_without_a_deployment_waits_for_its_migration() {
    let mut world = World::converged();
    world.applied().live = Live::default();
    let status = world.status().0;
    assert_eq!(status.services_ready, Some(ready(0)));
    assert!(status.services[1].reason.as_ref().unwrap().contains("migration"));
    assert!(status.services[1].image.starts_with("localhost/shopflow:"));
}

#[test]
fn databases_and_streams_are_listed_with_what_is_left_to_do() {
    let mut world = World::converged();
    let status = world.say();
    let databases = topology::SERVICES.iter().filter(|service| service.database).count();
    assert_eq!(status.databases.len(), databases);
    assert!(status.databases.iter().all(|database| database.ready));
    let names: Vec<&str> = status.streams.iter().map(|stream| stream.name.as_str()).collect();
    let declared: Vec<&str> = topology::STREAMS.iter().map(|stream| stream.name).collect();
    assert_eq!(names, declared);
    let consumers: i32 = status.streams.iter().map(|stream| stream.consumers).sum();
    let declared: usize = topology::SERVICES.iter().map(|service| service.consumers.len()).sum();
    assert_eq!(usize::try_from(consumers).unwrap(), declared);

    let conflict = messaging::Conflict {
        object: "consumer ORDERS/notification".to_owned(),
        field: "ack policy",
        found: "none".to_owned(),
        wanted: "explicit".to_owned(),
    };
    let plan = messaging::Plan { conflicts: vec![conflict], ..messaging::Plan::default() };
    world.servers().messaging = Seen::Known(plan);
    let not_ready = |status: PlatformStatus| {
        let waiting = status.streams.into_iter().filter(|stream| !stream.ready);
        waiting.map(|stream| stream.name).collect::<Vec<_>>()
    };
    assert_eq!(not_ready(world.say()), ["ORDERS"]);
    world.servers().messaging = Seen::Unreachable("gone".to_owned());
    assert_eq!(not_ready(world.say()), ["ORDERS"], "what could not be asked stays as it was said");
}

#[test]
fn the_edge_says_what_its_limits_count_until_the_proxies_are_declared() {
    for (spec, hinted) in [("{}", true), ("gateway: {trustedProxies: []}", false)] {
        let status = World::of(spec).status().0;
        let edge = status.condition(ConditionType::EdgeReady).unwrap();
        assert_eq!((edge.status.as_str(), edge.reason.as_str()), ("True", reason::NOT_DECLARED));
        assert_eq!(edge.message.contains("spec.gateway.trustedProxies"), hinted, "{}", edge.message);
        assert_eq!(edge.message.contains("100 clients"), hinted, "{}", edge.message);
    }
}

#[test]
fn a_failed_migration_is_named_with_the_way_to_its_log() {
    let mut world = World::converged();
    world.applied().migrations[1].2 = Migration::Failed;
    let status = world.status().0;
    for type_ in [ConditionType::MigrationsReady, ConditionType::Stalled, ConditionType::Ready] {
        let message = &status.condition(type_).unwrap().message;
        assert!(message.contains("kubectl logs job/shop-order-migrate-1"), "{message}");
        assert!(message.contains("delete the Job"), "{message}");
    }
}

#[test]
fn a_rotation_names_the_pods_that_are_waited_for() {
    let mut world = World::converged();
    let pods = |kids: &[&str]| {
        let loaded: BTreeSet<String> = kids.iter().map(|kid| (*kid).to_owned()).collect();
        Adoption::Known([("auth-1".to_owned(), loaded), ("order-1".to_owned(), BTreeSet::new())].into())
    };
    world.platform.as_mut().unwrap().rotation_request = Some("now".to_owned());
    world.advance(pods(&[]));
    let pending = world.say().keys[1].clone();
    assert_eq!((pending.state.as_str(), pending.loaded.as_deref()), ("Pending", Some("0/2")));
    assert_eq!(pending.waiting_for, ["auth-1", "order-1"]);

    world.later(60);
    world.advance(pods(&[&pending.id]));
    let status = world.say();
    assert_eq!(status.keys[1].waiting_for, ["order-1"]);
    assert_eq!(status.keys[1].loaded.as_deref(), Some("1/2"));
    let message = &status.condition(ConditionType::KeysReady).unwrap().message;
    assert!(message.contains("order-1") && message.contains(&pending.id), "{message}");

    world.advance(Adoption::Known([("auth-1".to_owned(), [pending.id.clone()].into())].into()));
    assert_eq!(world.memory.keyring.as_ref().unwrap().active().kid, pending.id);
    let status = world.say();
    assert_eq!(status.active_key.as_ref(), Some(&pending.id));
    let found: Vec<&str> = status.keys.iter().map(|key| key.state.as_str()).collect();
    assert_eq!(found, ["Retiring", "Active"]);
    assert_eq!(status.keys[0].loaded, None, "nobody waits for a key that goes");
}

#[test]
fn the_status_holds_no_secret() {
    use secrecy::ExposeSecret as _;
    let world = World::converged();
    let text = serde_json::to_string(&world.status().0).unwrap();
    let keys = world.keys.as_ref().unwrap();
    let keyring: Value = serde_json::from_str(keys.keyring.to_json().expose_secret()).unwrap();
    assert!(!text.contains(keyring["keys"][0]["private"].as_str().unwrap()));
    assert!(!text.contains(world.memory.administrator.as_ref().unwrap().password.expose_secret()));
    for token in keys.tokens.values().flat_map(std::collections::BTreeMap::values) {
        assert!(!text.contains(token.expose_secret()));
    }
}
