//! Where secrets are, and where they are not.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret as _, SecretString};

use super::*;
use crate::platform::identities::Identities;

/// Every password, seed, private key, token and credential of the platform.
fn canaries(world: &World) -> Vec<String> {
    let memory = &world.memory;
    let mut all: Vec<&SecretString> =
        vec![&memory.administrator.as_ref().unwrap().password, &memory.admin.as_ref().unwrap().password];
    for database in memory.databases.values() {
        all.extend([&database.owner, &database.logins.password]);
    }
    if let Some(Identities::Managed { seeds, .. }) = &memory.identities {
        all.extend([&seeds.operator, &seeds.account, &seeds.system]);
    }
    all.extend(world.keys.tokens.values().flat_map(BTreeMap::values));
    all.extend(world.keys.credentials.values());
    let mut texts: Vec<String> = all.into_iter().map(|secret| secret.expose_secret().to_owned()).collect();
    let keyring: Value = serde_json::from_str(world.keys.keyring.to_json().expose_secret()).unwrap();
    texts.extend(
        keyring["keys"].as_array().unwrap().iter().map(|key| key["private"].as_str().unwrap().to_owned()),
    );
    assert!(texts.len() > 15 && texts.iter().all(|text| text.len() >= 16));
    texts
}

/// The forms in which a text may slip out.
fn forms(text: &str) -> [String; 3] {
    let bytes = format!("{:?}", text.as_bytes());
    [text.to_owned(), STANDARD.encode(text), bytes[1..bytes.len() - 1].to_owned()]
}

#[test]
fn no_secret_is_anywhere_but_in_a_secret() {
    for spec in ["{}", "auth: {signingKeys: {algorithm: HS256}}"] {
        let world = World::of(spec);
        for ((kind, name), object) in built_of(&world) {
            let text = object.to_string();
            for canary in canaries(&world).iter().filter(|_| kind != Kind::Secret) {
                assert!(forms(canary).iter().all(|form| !text.contains(form)), "{kind:?} {name}");
            }
        }
    }
}

fn built_of(world: &World) -> Objects {
    objects(&world.build())
}

#[test]
fn nothing_but_the_data_directory_is_in_an_environment_variable() {
    for (name, pod) in pods(&built("{}")) {
        let container = container(pod);
        assert!(container.get("envFrom").is_none());
        match container.get("env") {
            Some(env) => {
                assert_eq!(*env, json!([{"name": "PGDATA", "value": "/var/lib/postgresql/data/pgdata"}]));
            }
            None => assert_ne!(name, "shop-postgres"),
        }
    }
}

#[test]
fn debug_output_shows_no_secret() {
    let world = World::of("{}");
    let live = world.applied();
    let gathered = Gathered { resource: world.resource.clone(), live };
    let texts = [
        format!("{:?}", world.memory),
        format!("{:?}", world.keys),
        format!("{:?}", world.platform),
        format!("{:?}", world.build()),
        format!("{gathered:?}"),
    ];
    for canary in canaries(&world) {
        for text in &texts {
            assert!(forms(&canary).iter().all(|form| !text.contains(form)), "{}…", &text[..60]);
        }
    }
}

#[test]
fn public_keys_are_a_configmap_unless_they_are_a_shared_secret() {
    let name = "shop-verification-keys".to_owned();
    let objects = built("{}");
    assert!(objects.contains_key(&(Kind::ConfigMap, name.clone())));
    assert!(!objects.contains_key(&(Kind::Secret, name.clone())));
    let objects = built("auth: {signingKeys: {algorithm: HS256}}");
    assert!(objects.contains_key(&(Kind::Secret, name.clone())));
    assert!(!objects.contains_key(&(Kind::ConfigMap, name)));
}

#[test]
fn the_secret_of_a_former_algorithm_never_holds_another_set_than_the_present_one() {
    let mut world = World::of("auth: {signingKeys: {algorithm: HS256}}");
    world.live = world.applied();
    let former = world.live.raw(Kind::Secret, "shop-verification-keys").unwrap()["data"].clone();
    // The last key of the former algorithm has expired.
    let mut world = World { keys: World::of("{}").keys, ..world };
    let objects = built_of(&world);
    let secret = get(&objects, Kind::Secret, "shop-verification-keys")["data"]["jwks.json"].as_str().unwrap();
    assert_ne!(former["jwks.json"], secret);
    assert_eq!(STANDARD.decode(secret).unwrap(), world.keys.jwks.as_bytes());
    let map = get(&objects, Kind::ConfigMap, "shop-verification-keys");
    assert_eq!(map["data"]["jwks.json"], world.keys.jwks);
    // Of two sources with the same file, the kubelet takes the later one.
    for (_, pod) in pods(&objects).into_iter().filter(|(name, _)| {
        topology::SERVICES.iter().any(|service| *name == format!("shop-{}", service.name))
    }) {
        let volumes = pod["spec"]["volumes"].as_array().unwrap();
        let keys = volumes.iter().find(|volume| volume["name"] == "verification-keys").unwrap();
        let sources = keys["projected"]["sources"].as_array().unwrap();
        assert!(sources[0]["secret"].is_object() && sources[1]["configMap"].is_object());
    }
    world.live = Live::default();
    assert!(!built_of(&world).contains_key(&(Kind::Secret, "shop-verification-keys".to_owned())));
}

#[test]
fn a_login_that_postgresql_will_not_get_is_not_written_down() {
    let mut world = World::of("{}");
    for database in world.memory.databases.values_mut() {
        database.unwritten = true;
    }
    let conflict = crate::postgres::Conflict::Lost { database: "order".to_owned() };
    let plan = crate::postgres::Plan { conflicts: vec![conflict], ..crate::postgres::Plan::default() };
    let Seen::Known(plans) = &mut world.servers.database else { panic!("it answers") };
    plans.insert("order".to_owned(), plan);
    let written = names(&world.build().secrets_after_database);
    assert!(!written.contains(&"shop-order-database".to_owned()), "{written:?}");
    assert!(written.contains(&"shop-auth-database".to_owned()), "the others have theirs");
}

#[test]
fn what_is_not_known_is_left_as_it_is_and_the_rest_is_built() {
    let losses: [(fn(&mut World), &[&str]); 3] = [
        (|world| world.memory.administrator = None, &["shop-postgres"]),
        (|world| world.memory.identities = None, &["shop-nats"]),
        (|world| drop(world.memory.databases.remove("order")), &["shop-order-owner", "shop-order-database"]),
    ];
    for (lose, missing) in losses {
        let mut world = World::of("{}");
        world.live = world.applied();
        let all = built_of(&world);
        lose(&mut world);
        world.memory.unknown.push(memory::Forgotten::Random);
        let desired = world.build();
        assert_eq!(desired.obsolete, [], "nothing is deleted for it");
        let built = objects(&desired);
        for name in missing {
            assert!(all.contains_key(&(Kind::Secret, (*name).to_owned())));
            assert!(!built.contains_key(&(Kind::Secret, (*name).to_owned())), "{name}");
        }
        for name in ["shop-signing-keys", "shop-order-tokens", "shop-auth-tokens"] {
            assert!(built.contains_key(&(Kind::Secret, name.to_owned())), "{name}");
        }
        for service in topology::SERVICES {
            assert!(built.contains_key(&(Kind::Deployment, format!("shop-{}", service.name))));
        }
    }
}

#[test]
fn keys_tokens_and_credentials_alone_can_be_built_where_nothing_else_can() {
    let world = World::of("{}");
    let built = objects(&secured(&world.platform, &world.memory, &world.keys, &world.live));
    let all = built_of(&world);
    assert!(built.iter().all(|(key, object)| all.get(key) == Some(object)), "the same as ever");
    let kinds: std::collections::BTreeSet<Kind> = built.keys().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, [Kind::ConfigMap, Kind::Secret].into());
    assert!(built.contains_key(&(Kind::Secret, "shop-signing-keys".to_owned())));
    assert!(built.contains_key(&(Kind::Secret, "shop-order-tokens".to_owned())));
}

#[test]
fn a_new_login_is_written_down_only_after_postgresql_has_it() {
    let mut world = World::of("{}");
    assert!(world.build().secrets_after_database.is_empty());
    world.memory.databases.get_mut("order").unwrap().unwritten = true;
    let desired = world.build();
    assert_eq!(names(&desired.secrets_after_database), ["shop-order-database"]);
    assert!(!names(&desired.secrets).contains(&"shop-order-database".to_owned()));
}

#[test]
fn pods_are_stamped_when_what_is_mounted_changes() {
    let mut world = World::of("{}");
    let pod = |name: &str, component: &str| {
        let labels = json!({"app.kubernetes.io/component": component});
        json!({"metadata": {"name": name, "labels": labels}})
    };
    world.live.insert(Kind::Pod, pod("order-1", "order"));
    world.live.insert(Kind::Pod, pod("migration-1", "order-migrate"));
    let stamps = world.build().stamps;
    assert_eq!(stamps.iter().map(|stamp| stamp.pod.as_str()).collect::<Vec<_>>(), ["order-1"]);
    let mut stamped = pod("order-1", "order");
    stamped["metadata"]["annotations"] = json!({"shopflow.dev/mounted-revision": stamps[0].revision});
    world.live.insert(Kind::Pod, stamped);
    assert_eq!(world.build().stamps, []);
    world.keys.jwks.push(' ');
    assert_eq!(world.build().stamps.len(), 1);
}
