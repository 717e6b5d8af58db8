//! Every known attack on tokens, each of which must fail, also once good tokens are remembered.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{TimeDelta, Utc};
use jsonwebtoken::{EncodingKey, Header};
use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::auth::*;
use crate::clock::ManualClock;
use crate::testing::{AccessToken, ISSUER, Keys};

const SERVICE: &str = "order";

fn claims() -> Claims {
    let now = Utc::now().timestamp();
    Claims {
        iss: ISSUER.to_owned(),
        sub: Uuid::now_v7().to_string(),
        aud: "shopflow".to_owned(),
        role: Role::Customer,
        email: Some("jane@example.com".to_owned()),
        sid: Some(Uuid::now_v7()),
        iat: now,
        iat_ms: None,
        nbf: Some(now),
        exp: now + 3600,
        jti: "t1".to_owned(),
    }
}

fn raw(header: &Value, claims: &Claims, signature: &str) -> String {
    let part = |json: &[u8]| URL_SAFE_NO_PAD.encode(json);
    let claims = serde_json::to_vec(claims).unwrap();
    format!("{}.{}.{signature}", part(header.to_string().as_bytes()), part(&claims))
}

/// Why `token` is refused: by a verifier that has seen no token, by one that remembers good ones, and
/// again by the same one.
fn refusal(keys: &Keys, token: &str) -> TokenError {
    let cold = keys.verifier(SERVICE).verify(token).unwrap_err();
    let good = [keys.sign(&claims()), keys.service_token("notification", SERVICE)];
    let warm = keys.verifier(SERVICE);
    let good_pass = || good.iter().all(|token| warm.verify(token).is_ok());
    assert!(good_pass());
    for _ in 0..2 {
        assert_eq!(warm.verify(token), Err(cold));
    }
    assert!(good_pass(), "a refused token harms no other");
    cold
}

#[test]
fn good_tokens_of_every_algorithm_pass() {
    for algorithm in [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Hs256] {
        let keys = Keys::generate_for(algorithm);
        let user = Uuid::now_v7();
        let identity = keys.verifier(SERVICE).verify(&keys.access_token(user, Role::Vendor)).unwrap();
        assert_eq!((identity.user_id(), identity.role), (Some(user), Role::Vendor), "{algorithm:?}");
        let identity = keys.verifier(SERVICE).verify(&keys.service_token("notification", SERVICE)).unwrap();
        assert_eq!(identity.subject, Subject::Service("notification".to_owned()));
    }
}

#[test]
fn none_is_refused() {
    let keys = Keys::generate();
    for alg in ["none", "None", "NONE", ""] {
        let header = json!({ "alg": alg, "typ": "at+jwt", "kid": keys.kid() });
        for signature in ["", "AAAA"] {
            assert_eq!(refusal(&keys, &raw(&header, &claims(), signature)), TokenError::Malformed, "{alg}");
        }
    }
}

#[test]
fn hs256_with_the_public_key_as_secret_is_refused() {
    for algorithm in [Algorithm::EdDsa, Algorithm::Es256] {
        let keys = Keys::generate_for(algorithm);
        let mut header = Header::new(jsonwebtoken::Algorithm::HS256);
        header.typ = Some(TOKEN_TYPE.to_owned());
        header.kid = Some(keys.kid().to_owned());
        let x = keys.jwk()["x"].as_str().unwrap();
        for secret in [URL_SAFE_NO_PAD.decode(x).unwrap(), x.as_bytes().to_vec(), keys.jwks().into_bytes()] {
            let token = jsonwebtoken::encode(&header, &claims(), &EncodingKey::from_secret(&secret)).unwrap();
            assert_eq!(refusal(&keys, &token), TokenError::WrongAlgorithm);
        }
    }
}

#[test]
fn a_key_cannot_be_declared_for_another_algorithm() {
    let keys = Keys::generate();
    for alg in ["HS256", "ES256", "RS256"] {
        let mut jwk = keys.jwk().clone();
        jwk["alg"] = json!(alg);
        let set = json!({ "keys": [jwk] }).to_string();
        assert!(matches!(KeySet::from_json(set.as_bytes()), Err(KeysError::Unsupported(_))), "{alg}");
    }
    let mut jwk = keys.jwk().clone();
    jwk.as_object_mut().unwrap().remove("alg");
    assert!(KeySet::from_json(json!({ "keys": [jwk] }).to_string().as_bytes()).is_err());
}

#[test]
fn a_foreign_key_is_refused() {
    let (ours, theirs) = (Keys::generate(), Keys::generate());
    let user = Uuid::now_v7();
    assert_eq!(refusal(&ours, &theirs.access_token(user, Role::Admin)), TokenError::UnknownKey);

    let mut header = theirs.header();
    header.kid = Some(ours.kid().to_owned());
    assert_eq!(refusal(&ours, &theirs.sign_with_header(&header, &claims())), TokenError::BadSignature);
}

#[test]
fn the_kid_must_match_exactly() {
    let keys = Keys::generate();
    let kid = keys.kid();
    for other in [
        None,
        Some(String::new()),
        Some(kid.to_uppercase()),
        Some(format!("{kid} ")),
        Some(kid[1..].to_owned()),
    ] {
        let mut header = keys.header();
        header.kid.clone_from(&other);
        if other.as_deref() != Some(kid) {
            assert_eq!(
                refusal(&keys, &keys.sign_with_header(&header, &claims())),
                TokenError::UnknownKey,
                "{other:?}"
            );
        }
    }
}

#[test]
fn keys_that_the_header_names_or_brings_are_ignored() {
    let (ours, theirs) = (Keys::generate(), Keys::generate());
    let mut header = theirs.header();
    header.jku = Some("https://evil.example/jwks.json".to_owned());
    header.x5u = Some("https://evil.example/chain.pem".to_owned());
    header.jwk = Some(serde_json::from_value(theirs.jwk().clone()).unwrap());
    assert_eq!(refusal(&ours, &theirs.sign_with_header(&header, &claims())), TokenError::UnknownKey);
    header.kid = Some(ours.kid().to_owned());
    assert_eq!(refusal(&ours, &theirs.sign_with_header(&header, &claims())), TokenError::BadSignature);
}

#[test]
fn extensions_that_must_be_understood_are_refused() {
    let keys = Keys::generate();
    let mut header = keys.header();
    header.crit = Some(vec!["exp".to_owned()]);
    assert_eq!(refusal(&keys, &keys.sign_with_header(&header, &claims())), TokenError::Malformed);
}

#[test]
fn another_type_of_token_is_refused() {
    let keys = Keys::generate();
    for typ in [None, Some("JWT"), Some("rt+jwt"), Some("")] {
        let mut header = keys.header();
        header.typ = typ.map(str::to_owned);
        assert_eq!(
            refusal(&keys, &keys.sign_with_header(&header, &claims())),
            TokenError::WrongType,
            "{typ:?}"
        );
    }
}

#[test]
fn another_issuer_or_audience_is_refused() {
    let keys = Keys::generate();
    let token = keys.sign(&Claims { iss: "https://other.test".to_owned(), ..claims() });
    assert_eq!(refusal(&keys, &token), TokenError::WrongIssuer);
    // A person's token is for the shop, a service's for exactly one callee.
    for aud in ["order", "Shopflow", "", "shopflow,order"] {
        let token = keys.sign(&Claims { aud: aud.to_owned(), ..claims() });
        assert_eq!(refusal(&keys, &token), TokenError::WrongAudience, "{aud}");
    }
    for callee in ["auth", "shopflow", "orders"] {
        assert_eq!(
            refusal(&keys, &keys.service_token("notification", callee)),
            TokenError::WrongAudience,
            "{callee}"
        );
    }
}

#[test]
fn a_list_of_audiences_is_refused() {
    let keys = Keys::generate();
    let mut json = serde_json::to_value(claims()).unwrap();
    json["aud"] = json!(["shopflow", "order"]);
    assert!(serde_json::from_value::<Claims>(json).is_err(), "tokens of ours have exactly one");
    assert!(keys.verifier(SERVICE).verify(&keys.sign(&claims())).is_ok());
}

#[test]
fn role_and_subject_must_agree() {
    let keys = Keys::generate();
    let person_as_service = Claims { role: Role::Service, aud: SERVICE.to_owned(), ..claims() };
    let service_as_admin = Claims { sub: "service:notification".to_owned(), role: Role::Admin, ..claims() };
    let nobody = Claims { sub: "service:".to_owned(), role: Role::Service, ..claims() };
    let no_id = Claims { sub: "jane".to_owned(), ..claims() };
    for claims in [person_as_service, service_as_admin, nobody, no_id] {
        assert_eq!(refusal(&keys, &keys.sign(&claims)), TokenError::Malformed, "{claims:?}");
    }
}

#[test]
fn time_limits_hold_to_the_second_with_the_leeway() {
    let keys = Keys::generate();
    let start = Utc::now();
    let clock = ManualClock::at(start);
    let set = KeySet::from_json(keys.jwks().as_bytes()).unwrap();
    let verifier = Verifier::with_keys(set, ISSUER, SERVICE, clock.shared());
    let token = keys
        .sign_access(&AccessToken { issued_at: start, ..AccessToken::of(Uuid::now_v7(), Role::Customer) });
    let at = |offset: TimeDelta| {
        clock.set(start + offset);
        verifier.verify(&token).err()
    };
    let (hour, second) = (TimeDelta::hours(1), TimeDelta::seconds(1));
    assert_eq!(at(TimeDelta::zero()), None);
    assert_eq!(at(hour + LEEWAY - second), None);
    assert_eq!(at(hour + LEEWAY + second), Some(TokenError::Expired));
    assert_eq!(at(TimeDelta::days(365)), Some(TokenError::Expired));
    assert_eq!(at(-LEEWAY + second), None);
    assert_eq!(at(-LEEWAY - second), Some(TokenError::NotYetValid));
}

#[test]
fn a_later_nbf_than_iat_counts() {
    let keys = Keys::generate();
    let token = keys.sign(&Claims { nbf: Some(Utc::now().timestamp() + 600), ..claims() });
    assert_eq!(refusal(&keys, &token), TokenError::NotYetValid);
}

#[test]
fn absurd_times_are_refused() {
    let keys = Keys::generate();
    for exp in [i64::MAX, i64::MIN, -1] {
        assert_eq!(refusal(&keys, &keys.sign(&Claims { exp, ..claims() })), TokenError::Malformed, "{exp}");
    }
}

#[test]
fn milliseconds_of_another_second_are_refused() {
    let keys = Keys::generate();
    let iat = Utc::now().timestamp();
    let with = |iat_ms| keys.sign(&Claims { iat, iat_ms: Some(iat_ms), ..claims() });
    for iat_ms in [iat * 1000 - 1, iat * 1000 + 1000, i64::MAX, i64::MIN, 0] {
        assert_eq!(refusal(&keys, &with(iat_ms)), TokenError::Malformed, "{iat_ms}");
    }
    for iat_ms in [iat * 1000, iat * 1000 + 999] {
        let identity = keys.verifier(SERVICE).verify(&with(iat_ms)).unwrap();
        assert_eq!(identity.issued_at.timestamp_millis(), iat_ms);
    }
}

#[test]
fn without_keys_nothing_passes_and_the_caller_may_try_again() {
    let verifier = Verifier::fixed(KeySet::default(), ISSUER, SERVICE);
    let error = verifier.verify(&Keys::generate().access_token(Uuid::now_v7(), Role::Customer)).unwrap_err();
    assert_eq!(error, TokenError::NoKeys);
    assert_eq!(crate::problem::Problem::from(error).status(), http::StatusCode::SERVICE_UNAVAILABLE);
}

#[test]
fn key_sets_that_are_ambiguous_are_refused() {
    let keys = Keys::generate();
    let twice = Keys::jwks_of(&[&keys, &keys]);
    assert!(matches!(KeySet::from_json(twice.as_bytes()), Err(KeysError::DuplicateKid(_))));
    let mut jwk = keys.jwk().clone();
    jwk.as_object_mut().unwrap().remove("kid");
    assert!(matches!(
        KeySet::from_json(json!({ "keys": [jwk] }).to_string().as_bytes()),
        Err(KeysError::NoKid)
    ));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_changed_token_never_passes(position in 0_usize..2000, replacement in "[A-Za-z0-9_.-]") {
        let keys = Keys::generate();
        let token = keys.sign(&claims());
        let position = position % token.len();
        let mut changed = token.clone();
        changed.replace_range(position..=position, &replacement);
        // The last character of base64 may hold unused bits, so a change there may be none; strict decoding refuses it.
        prop_assume!(changed != token);
        let verifier = keys.verifier(SERVICE);
        prop_assert!(verifier.verify(&changed).is_err());
        prop_assert!(verifier.verify(&token).is_ok());
        prop_assert!(verifier.verify(&changed).is_err(), "also beside the token it was made from");
    }

    #[test]
    fn no_text_makes_it_panic(text: String) {
        prop_assert!(Keys::generate().verifier(SERVICE).verify(&text).is_err());
    }
}
