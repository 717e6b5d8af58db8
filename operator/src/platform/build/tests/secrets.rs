//! Where secrets are, and where they are not.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret as _, SecretString};

use super::*;
use crate::platform::identities::Identities;

/// Every password, seed, private key, token and credential of the platform.
fn canaries(world: &World) -> Vec<String> {
    let memory = &world.memory;
    let mut all: Vec<&SecretString> = vec![&memory.administrator.password, &memory.admin.password];
    for database in memory.databases.values() {
        all.extend([&database.owner, &database.logins.password]);
    }
    if let Identities::Managed { seeds, .. } = &memory.identities {
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
    let gathered = Gathered { resource: world.resource.clone(), live, older: None };
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
