use std::time::Duration;

use jsonwebtoken::{DecodingKey, Validation, jwk::JwkSet};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use super::super::policy::{Action, Adoption};
use super::super::tokens::{Call, calls, is_due, keys_in_use, mint, renewal_at};
use super::{DAY, HOUR, Keyring, Policy, after, before, everything, policy, ring, start, step};
use protocol::keyring::Algorithm;

const CALL: Call<'static> = Call { service: "order", audience: "auth" };

fn token(ring: &Keyring) -> SecretString {
    mint(ring, CALL, DAY, start()).unwrap()
}

#[test]
fn a_token_verifies_against_the_published_set_for_its_audience_only() {
    for algorithm in [Algorithm::EdDSA, Algorithm::ES256, Algorithm::HS256] {
        let policy = Policy { algorithm, ..policy() };
        let ring = Keyring::create("https://shop.default.svc", &policy, start()).unwrap();
        let token = token(&ring);
        let set: JwkSet = serde_json::from_str(&ring.jwks().unwrap()).unwrap();
        let header = jsonwebtoken::decode_header(token.expose_secret()).unwrap();
        assert_eq!(header.typ.as_deref(), Some("at+jwt"));
        let key = DecodingKey::from_jwk(set.find(header.kid.as_ref().unwrap()).unwrap()).unwrap();

        let mut rules = Validation::new(header.alg);
        rules.validate_exp = false;
        rules.set_issuer(&["https://shop.default.svc"]);
        rules.set_audience(&["auth"]);
        let claims = jsonwebtoken::decode::<Value>(token.expose_secret(), &key, &rules).unwrap();
        assert_eq!(claims.claims["sub"], "service:order");
        assert_eq!(claims.claims["role"], "service");
        assert_eq!(claims.claims["iat"], start().as_second());
        assert_eq!(claims.claims["exp"], after(DAY).as_second());
        assert!(claims.claims["jti"].as_str().unwrap().len() >= 20);

        rules.set_audience(&["order"]);
        assert!(jsonwebtoken::decode::<Value>(token.expose_secret(), &key, &rules).is_err());
    }
}

#[test]
fn the_topology_says_who_calls_whom() {
    let notification = topology::service("notification").unwrap();
    let audiences: Vec<_> = calls(notification).map(|call| call.audience).collect();
    assert_eq!(audiences, ["auth", "order"]);
}

#[test]
fn a_token_is_renewed_at_two_thirds_of_its_life() {
    let ring = ring();
    let token = token(&ring);
    assert_eq!(renewal_at(&token), Some(after(HOUR * 16)));
    let just_before = before(after(HOUR * 16));
    assert!(!is_due(&token, &ring, CALL, DAY, just_before));
    assert!(is_due(&token, &ring, CALL, DAY, after(HOUR * 16)));
}

#[test]
fn a_token_that_would_be_made_differently_today_is_due() {
    let ring = ring();
    let token = token(&ring);
    assert!(!is_due(&token, &ring, CALL, DAY, start()));
    let other = Call { service: "order", audience: "inventory" };
    assert!(is_due(&token, &ring, other, DAY, start()), "audience");
    let other = Call { service: "notification", audience: "auth" };
    assert!(is_due(&token, &ring, other, DAY, start()), "caller");
    assert!(is_due(&token, &ring, CALL, HOUR, start()), "life");
    let elsewhere = Keyring::create("https://other", &policy(), start()).unwrap();
    assert!(is_due(&token, &elsewhere, CALL, DAY, start()), "issuer, key");
    let rubbish = SecretString::from("rubbish".to_owned());
    assert!(is_due(&rubbish, &ring, CALL, DAY, start()));
    assert_eq!(renewal_at(&rubbish), None);
    let early = before(start());
    assert!(is_due(&token, &ring, CALL, DAY, early), "from the future");
}

#[test]
fn a_token_of_a_retired_key_is_replaced_and_holds_the_key_until_then() {
    let asked = Policy { rotation_request: Some("now".to_owned()), ..policy() };
    let ring = ring();
    let old = ring.active().kid.clone();
    let token = token(&ring);
    let (_, ring) = step(&asked, &ring, &Adoption::Unknown, after(HOUR));
    assert!(!is_due(&token, &ring, CALL, DAY, after(HOUR)), "pending");
    let (actions, ring) = step(&asked, &ring, &everything(&ring), after(HOUR * 2));
    assert!(matches!(actions[0], Action::Promote { .. }));
    assert!(is_due(&token, &ring, CALL, DAY, after(HOUR * 2)));

    let late = after(HOUR * 10);
    assert!(keys_in_use([&token], &ring, late).contains(&old));
    let renewed = mint(&ring, CALL, DAY, late).unwrap();
    // Just renewed: a pod may not have read it yet.
    assert!(keys_in_use([&renewed], &ring, late).contains(&old));
    let delivered = late + Duration::from_mins(3);
    let needed = keys_in_use([&renewed], &ring, delivered);
    assert!(!needed.contains(&old));
    assert!(needed.contains(&ring.active().kid));
}
