use secrecy::ExposeSecret as _;
use serde_json::Value;

use super::super::keyring::KeyringError;
use super::super::policy::Action;
use super::{Keyring, Policy, after, policy, ring, start};
use protocol::keyring::Algorithm;

fn of(algorithm: Algorithm) -> Keyring {
    let policy = Policy { algorithm, ..policy() };
    Keyring::create("https://shop.default.svc", &policy, start()).unwrap()
}

fn json(ring: &Keyring) -> Value {
    serde_json::from_str(ring.to_json().expose_secret()).unwrap()
}

#[test]
fn the_file_has_the_agreed_form() {
    let ring = ring();
    let file = json(&ring);
    assert_eq!(file["issuer"], "https://shop.default.svc");
    let key = &file["keys"][0];
    assert_eq!(key["kid"], ring.active().kid.as_str());
    assert_eq!(key["algorithm"], "EdDSA");
    assert_eq!(key["state"], "Active");
    assert_eq!(key["created_at"], "2026-02-17T10:30:00Z");
    assert_eq!(key["activated_at"], "2026-02-17T10:30:00Z");
    assert_eq!(key["retired_at"], Value::Null);
    // PKCS#8 version 1 of Ed25519 is 48 bytes: 64 characters of base64url.
    assert_eq!(key["private"].as_str().unwrap().len(), 64);
}

#[test]
fn reading_gives_back_what_was_written() {
    for algorithm in [Algorithm::EdDSA, Algorithm::ES256, Algorithm::HS256] {
        let ring = of(algorithm);
        let read = Keyring::parse(ring.to_json().expose_secret()).unwrap();
        assert_eq!(json(&read), json(&ring));
        assert_eq!(read.jwks().unwrap(), ring.jwks().unwrap());
    }
}

#[test]
fn the_public_set_follows_rfc_7517_and_shows_nothing_private() {
    let cases = [
        (Algorithm::EdDSA, "OKP", Some("Ed25519"), &["x"][..]),
        (Algorithm::ES256, "EC", Some("P-256"), &["x", "y"]),
        (Algorithm::HS256, "oct", None, &["k"]),
    ];
    for (algorithm, kty, crv, parts) in cases {
        let ring = of(algorithm);
        let set: Value = serde_json::from_str(&ring.jwks().unwrap()).unwrap();
        let key = set["keys"][0].as_object().unwrap();
        assert_eq!(key["kty"], kty);
        assert_eq!(key.get("crv").and_then(Value::as_str), crv);
        assert_eq!(key["use"], "sig");
        assert_eq!(key["kid"], ring.active().kid.as_str());
        assert_eq!(key["alg"], serde_json::to_value(algorithm).unwrap());
        for part in parts {
            // 32 bytes each.
            assert_eq!(key[*part].as_str().unwrap().len(), 43, "{part}");
        }
        let members = 4 + usize::from(crv.is_some()) + parts.len();
        assert_eq!(key.len(), members, "nothing else is published: {key:?}");
        assert_eq!(ring.jwks_is_secret(), algorithm == Algorithm::HS256);
    }
}

#[test]
fn pending_keys_are_published_too() {
    let ring = ring();
    let ring = ring.after(&[Action::Create], &policy(), after(super::HOUR)).unwrap();
    let set: Value = serde_json::from_str(&ring.jwks().unwrap()).unwrap();
    assert_eq!(set["keys"].as_array().unwrap().len(), 2);
}

#[test]
fn two_keyrings_share_nothing() {
    let (one, other) = (ring(), ring());
    assert_ne!(one.active().kid, other.active().kid);
    assert_ne!(json(&one)["keys"][0]["private"], json(&other)["keys"][0]["private"]);
}

#[test]
fn a_keyring_without_exactly_one_signing_key_is_refused() {
    let mut none = json(&ring());
    none["keys"][0]["state"] = "Retiring".into();
    assert!(Keyring::parse(&none.to_string()).is_err());

    let mut two = json(&ring());
    let mut second = two["keys"][0].clone();
    second["kid"] = "other".into();
    two["keys"].as_array_mut().unwrap().push(second);
    assert!(Keyring::parse(&two.to_string()).is_err());

    let ring = ring();
    let kid = ring.active().kid.clone();
    let remove = Action::Remove { kid, because: super::super::policy::Removal::Expired };
    let refused = ring.after(&[remove], &policy(), start()).unwrap_err();
    assert!(matches!(refused, KeyringError::File(protocol::keyring::KeyringError::Active(0))));
}

#[test]
fn broken_keys_are_told_by_their_id_and_never_shown() {
    let mut file = json(&ring());
    file["keys"][0]["private"] = "c2VjcmV0LWNhbmFyeQ".into();
    let error = Keyring::parse(&file.to_string()).unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("c2VjcmV0LWNhbmFyeQ"), "{shown}");
    assert!(shown.contains("unusable"), "{shown}");
}

#[test]
fn debug_shows_no_private_key() {
    let ring = ring();
    let private = json(&ring)["keys"][0]["private"].as_str().unwrap().to_owned();
    assert!(!format!("{ring:?}").contains(&private));
}
