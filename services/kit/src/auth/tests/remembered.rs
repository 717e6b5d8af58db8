//! A remembered token is as good as its signature, its time, its audience and its keys, and no better.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::auth::*;
use crate::clock::ManualClock;
use crate::testing::{AccessToken, ISSUER, Keys};

const SERVICE: &str = "order";

fn set(keys: &[&Keys]) -> KeySet {
    KeySet::from_json(Keys::jwks_of(keys).as_bytes()).unwrap()
}

fn with_clock(keys: &Keys) -> (Verifier, ManualClock, DateTime<Utc>) {
    let start = DateTime::from_timestamp(1_771_329_600, 0).unwrap();
    let clock = ManualClock::at(start);
    (Verifier::with_keys(set(&[keys]), ISSUER, SERVICE, clock.shared()), clock, start)
}

fn token(start: DateTime<Utc>) -> AccessToken {
    AccessToken { issued_at: start, ..AccessToken::of(Uuid::now_v7(), Role::Customer) }
}

#[test]
fn a_remembered_token_says_what_it_said_the_first_time() {
    let keys = Keys::generate();
    let verifier = keys.verifier(SERVICE);
    for token in
        [keys.access_token(Uuid::now_v7(), Role::Vendor), keys.service_token("notification", SERVICE)]
    {
        let first = verifier.verify(&token).unwrap();
        assert_eq!(verifier.verify(&token).unwrap(), first);
    }
}

#[test]
fn a_removed_key_refuses_a_remembered_token_at_once() {
    let (old, new) = (Keys::generate(), Keys::generate());
    let verifier = old.verifier(SERVICE);
    let token = old.access_token(Uuid::now_v7(), Role::Customer);
    assert!(verifier.verify(&token).is_ok());
    verifier.replace_keys(set(&[&old, &new]));
    assert!(verifier.verify(&token).is_ok(), "a retiring key verifies on");
    verifier.replace_keys(set(&[&new]));
    assert_eq!(verifier.verify(&token), Err(TokenError::UnknownKey));
    verifier.replace_keys(KeySet::default());
    assert_eq!(verifier.verify(&token), Err(TokenError::NoKeys));
}

#[test]
fn a_remembered_token_expires_in_its_second() {
    let keys = Keys::generate();
    let (verifier, clock, start) = with_clock(&keys);
    let token = keys.sign_access(&token(start));
    let at = |offset: TimeDelta| {
        clock.set(start + offset);
        verifier.verify(&token).err()
    };
    let (hour, second) = (TimeDelta::hours(1), TimeDelta::seconds(1));
    assert_eq!(at(TimeDelta::zero()), None);
    assert_eq!(at(hour + LEEWAY - second), None);
    assert_eq!(at(hour + LEEWAY), Some(TokenError::Expired));
    assert_eq!(at(-LEEWAY - second), Some(TokenError::NotYetValid), "a clock that was put back");
    assert_eq!(at(-LEEWAY), None);
}

#[test]
fn a_revocation_ends_a_remembered_token() {
    let keys = Keys::generate();
    let (verifier, _, start) = with_clock(&keys);
    let (by_session, by_user, other) = (token(start), token(start), token(start));
    let signed = [&by_session, &by_user, &other].map(|token| keys.sign_access(token));
    let verdicts = || signed.each_ref().map(|token| verifier.verify(token).err());
    assert_eq!(verdicts(), [None; 3]);
    verifier.revocations().insert(Revocation::Session(by_session.session), start);
    verifier.revocations().insert(Revocation::User(by_user.user_id), start);
    assert_eq!(verdicts(), [Some(TokenError::Revoked), Some(TokenError::Revoked), None]);
}

#[test]
fn tokens_of_one_second_stand_on_their_own_side_of_a_revocation() {
    let keys = Keys::generate();
    let (verifier, clock, start) = with_clock(&keys);
    clock.set(start + TimeDelta::milliseconds(900));
    let before = token(start + TimeDelta::milliseconds(100));
    let after = AccessToken { issued_at: start + TimeDelta::milliseconds(300), ..before.clone() };
    verifier.revocations().insert(Revocation::User(before.user_id), start + TimeDelta::milliseconds(200));
    assert_eq!(verifier.verify(&keys.sign_access(&before)), Err(TokenError::Revoked));
    assert!(verifier.verify(&keys.sign_access(&after)).is_ok());
}

#[test]
fn a_service_token_is_remembered_for_its_audience_alone() {
    let keys = Keys::generate();
    let gateway = keys.verifier("gateway");
    let token = keys.service_token("notification", "order");
    assert!(gateway.verify_for(&token, "order").is_ok());
    assert_eq!(gateway.verify_for(&token, "auth").unwrap_err(), TokenError::WrongAudience);
    assert_eq!(gateway.verify(&token).unwrap_err(), TokenError::WrongAudience);
    assert!(gateway.verify_for(&token, "order").is_ok());
    let person = keys.access_token(Uuid::now_v7(), Role::Customer);
    for service in ["order", "auth"] {
        assert!(gateway.verify_for(&person, service).is_ok(), "a person's token is for the whole shop");
    }
}

#[test]
fn a_remembered_token_lends_nothing_to_one_with_another_signature() {
    let keys = Keys::generate();
    let verifier = keys.verifier(SERVICE);
    let token = keys.access_token(Uuid::now_v7(), Role::Admin);
    let other = keys.access_token(Uuid::now_v7(), Role::Admin);
    assert!(verifier.verify(&token).is_ok() && verifier.verify(&other).is_ok());
    let (signed, _) = token.rsplit_once('.').unwrap();
    let (_, foreign) = other.rsplit_once('.').unwrap();
    assert_eq!(verifier.verify(&format!("{signed}.{foreign}")), Err(TokenError::BadSignature));
    assert!(verifier.verify(&format!("{signed}.")).is_err());
    assert!(verifier.verify(signed).is_err());
}
