use serde::de::DeserializeOwned;
use serde_yaml::{Mapping, Value};

use super::*;
use crate::paths::Paths;

fn read<T: DeserializeOwned>(yaml: &str) -> Result<T, serde_yaml::Error> {
    serde_yaml::from_str(yaml)
}

/// The sections of a rendered file.
fn sections(text: &str) -> Mapping {
    serde_yaml::from_str(text).unwrap()
}

#[test]
fn everything_has_a_default() {
    assert_eq!(read::<Gateway>("{}").unwrap(), Gateway::default());
    assert_eq!(read::<Auth>("{}").unwrap(), Auth::default());
    assert_eq!(read::<Order>("{}").unwrap(), Order::default());
    assert_eq!(read::<Notification>("{}").unwrap(), Notification::default());
    assert_eq!(read::<Service>("{}").unwrap(), Service::default());
}

#[test]
fn unknown_settings_are_refused() {
    type Refused = fn(&str) -> bool;
    fn refused<T: DeserializeOwned>(yaml: &str) -> bool {
        read::<T>(yaml).is_err()
    }
    let cases: [(&str, Refused); 11] = [
        ("max_connection: 5", refused::<Service>),
        ("colour: blue", refused::<Gateway>),
        ("cors: {origins: []}", refused::<Gateway>),
        ("trusted_proxies: [shop.example]", refused::<Gateway>),
        ("jwt_secret: hunter2", refused::<Auth>),
        ("password_hash: {algorithm: md5}", refused::<Auth>),
        ("password_hash: {algorithm: bcrypt, memory_kib: 1}", refused::<Auth>),
        ("catalogue: required", refused::<Order>),
        ("mail: {}", refused::<Notification>),
        ("email: {colour: blue}", refused::<Notification>),
        ("sms: {provider: pigeon}", refused::<Notification>),
    ];
    for (yaml, refused) in cases {
        assert!(refused(yaml), "{yaml}");
    }
}

#[test]
fn the_defaults_of_a_mounted_service_need_no_file() {
    for service in topology::SERVICES {
        let shared = Service::at(service.name, &Paths::mounted());
        assert_eq!(shared, Service::of(service.name));
        assert_eq!(sections(&render(service.name, &shared, None)), Mapping::new());
    }
    for own in [
        Section::Gateway(Gateway::default()),
        Section::Auth(Auth::default()),
        Section::Order(Order::default()),
        Section::Notification(Notification::default()),
    ] {
        assert!(topology::service(own.name()).is_some(), "{}", own.name());
        assert_eq!(sections(&render(own.name(), &Service::of(own.name()), Some(&own))), Mapping::new());
    }
}

#[test]
fn what_is_read_is_what_was_rendered() {
    let paths = Paths::below("/tmp/shop");
    let auth = Auth {
        password_hash: PasswordHash::argon2id(Some(9000), None, None),
        password_policy: PasswordPolicy::Length,
        ..Auth::at(&paths)
    };
    let text = render("auth", &Service::at("auth", &paths), Some(&Section::Auth(auth.clone())));
    let mut sections = sections(&text);
    let own = sections.remove("auth").unwrap();
    assert_eq!(serde_yaml::from_value::<Auth>(own).unwrap(), auth);
    let shared = sections.remove("service").unwrap();
    assert_eq!(shared["database_dir"], "/tmp/shop/database");
    assert!(shared.get("listen").is_none(), "a default is not written: {text}");
    assert_eq!(sections, Mapping::new());

    let gateway = Gateway {
        trusted_proxies: Some(vec!["10.0.0.0/8".parse().unwrap()]),
        cors: Cors { allowed_origins: vec!["*".to_owned()], ..Cors::default() },
        ..Gateway::default()
    };
    let text = render("gateway", &Service::of("gateway"), Some(&Section::Gateway(gateway.clone())));
    let own = self::sections(&text).remove("gateway").unwrap();
    assert_eq!(own.as_mapping().map(Mapping::len), Some(2), "{text}");
    assert_eq!(serde_yaml::from_value::<Gateway>(own).unwrap(), gateway);
}

#[test]
fn no_proxy_and_no_word_about_proxies_are_told_apart() {
    assert_eq!(read::<Gateway>("trusted_proxies: []").unwrap().trusted_proxies, Some(Vec::new()));
    assert_eq!(read::<Gateway>("trusted_proxies: null").unwrap().trusted_proxies, None);
    let one = read::<Gateway>("trusted_proxies: [192.0.2.1]").unwrap().trusted_proxies.unwrap();
    assert_eq!(one, ["192.0.2.1/32".parse().unwrap()]);
    let none = Gateway { trusted_proxies: Some(Vec::new()), ..Gateway::default() };
    let text = render("gateway", &Service::of("gateway"), Some(&Section::Gateway(none)));
    assert_eq!(self::sections(&text)["gateway"]["trusted_proxies"], Value::Sequence(Vec::new()));
}

#[test]
fn bcrypt_and_its_cost_can_be_chosen() {
    let auth: Auth = read("password_hash: {algorithm: bcrypt, cost: 10}").unwrap();
    assert_eq!(auth.password_hash, PasswordHash::Bcrypt { cost: 10 });
    let auth: Auth = read("{password_hash: {algorithm: bcrypt}, password_policy: length}").unwrap();
    assert_eq!(
        (auth.password_hash, auth.password_policy),
        (PasswordHash::bcrypt(None), PasswordPolicy::Length)
    );
}
