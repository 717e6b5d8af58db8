//! Identities and plans, without a server.

use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};

use super::*;

fn seeds() -> Seeds {
    Seeds::generate("2026-02-17T10:30:00Z".parse().unwrap()).unwrap()
}

fn identity() -> Identity {
    Identity::new(&seeds()).unwrap()
}

fn service(name: &str) -> Permissions {
    Permissions::service(topology::service(name).unwrap())
}

fn settings() -> ServerSettings {
    ServerSettings {
        port: 4222,
        monitor_port: Some(8222),
        store_dir: Some("/data".to_owned()),
        cluster: None,
    }
}

#[test]
fn the_servers_configuration_is_the_same_text_every_time_and_holds_no_seed() {
    let seeds = seeds();
    let text = server_config(&Identity::new(&seeds).unwrap(), &settings()).unwrap();
    let again = server_config(&Identity::new(&seeds).unwrap(), &settings()).unwrap();
    assert_eq!(text, again);
    for seed in [&seeds.operator, &seeds.account, &seeds.system] {
        assert!(!text.contains(seed.expose_secret()));
        assert!(!format!("{seeds:?}").contains(seed.expose_secret()));
    }
    assert!(text.contains("sync_interval: always"));
}

#[test]
fn seeds_survive_their_file_and_must_be_of_their_kind() {
    let seeds = seeds();
    let text = serde_json::to_string(&seeds).unwrap();
    let read: Seeds = serde_json::from_str(&text).unwrap();
    assert_eq!(
        server_config(&Identity::new(&read).unwrap(), &settings()).unwrap(),
        server_config(&Identity::new(&seeds).unwrap(), &settings()).unwrap()
    );
    assert!(Issuer::new(&seeds.operator).is_err());
    assert!(Issuer::new(&SecretString::from("rubbish".to_owned())).is_err());
}

#[test]
fn credentials_are_current_until_something_about_them_changes() {
    let identity = identity();
    let issuer = identity.issuer();
    let permissions = service("order");
    let credentials = issuer.credentials(&permissions, Timestamp::now()).unwrap();
    assert!(issuer.is_current(&credentials, &permissions));

    assert!(!issuer.is_current(&credentials, &service("auth")));
    let more = Permissions {
        publish: [permissions.publish.clone(), vec!["user.updated".to_owned()]].concat(),
        ..permissions.clone()
    };
    assert!(!issuer.is_current(&credentials, &more));
    assert!(!self::identity().issuer().is_current(&credentials, &permissions));
    assert!(!issuer.is_current(&SecretString::from(String::new()), &permissions));

    let other = issuer.credentials(&permissions, Timestamp::now()).unwrap();
    let other_seed = other.expose_secret().split("BEGIN USER NKEY SEED").nth(1);
    let own_jwt = credentials.expose_secret().split("BEGIN USER NKEY SEED").next();
    let mixed = format!("{}BEGIN USER NKEY SEED{}", own_jwt.unwrap(), other_seed.unwrap());
    assert!(!issuer.is_current(&mixed.into(), &permissions));
}

#[test]
fn nobody_publishes_the_events_of_another_or_administers_streams() {
    for one in topology::SERVICES {
        let permissions = Permissions::service(one);
        for other in topology::SERVICES.iter().filter(|other| other.name != one.name) {
            for subject in other.publishes {
                assert!(!permissions.publish.iter().any(|allowed| allowed == subject));
            }
        }
        for allowed in &permissions.publish {
            assert!(!allowed.starts_with('>') && !allowed.starts_with('*'), "{allowed}");
            for verb in
                ["STREAM.CREATE", "STREAM.UPDATE", "STREAM.DELETE", "STREAM.PURGE", "STREAM.MSG.DELETE"]
            {
                assert!(!allowed.contains(verb), "{} may {allowed}", one.name);
            }
        }
        let (inbox, advisories) = permissions.subscribe.split_first().unwrap();
        assert_eq!(*inbox, format!("_INBOX_{}.>", one.name));
        for advisory in advisories {
            let own = one.consumers.iter().any(|consumer| advisory.ends_with(consumer.durable));
            assert!(
                own && advisory.starts_with("$JS.EVENT.ADVISORY.CONSUMER."),
                "{} hears {advisory}",
                one.name
            );
        }
    }
}

#[test]
fn permissions_of_a_consumer() {
    insta::assert_debug_snapshot!(service("notification"));
}

#[test]
fn an_empty_server_gets_everything_streams_first() {
    let desired = Desired::from_topology(Limits::default());
    let plan = plan(&desired, &Observed::default());
    assert_eq!(plan.conflicts, []);
    assert_eq!(plan.actions.len(), desired.streams.len() + desired.consumers.len());
    let streams = plan.actions.iter().take_while(|action| matches!(action, Action::CreateStream(_)));
    assert_eq!(streams.count(), desired.streams.len(), "consumers come last");
}
