use std::time::Duration;

use uuid::Uuid;

use super::*;
use crate::auth::Role;
use crate::clock::{Clock, ManualClock};

fn identity(user: Uuid, session: Uuid, issued_at: DateTime<Utc>) -> Identity {
    Identity {
        subject: Subject::User(user),
        role: Role::Customer,
        email: None,
        session: Some(session),
        issued_at,
        expires_at: issued_at + TimeDelta::hours(1),
    }
}

/// Noon of some day.
fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_771_329_600, 0).unwrap()
}

fn at_noon() -> (Revocations, ManualClock) {
    let clock = ManualClock::at(noon());
    (Revocations::new(clock.shared()), clock)
}

fn until(before: DateTime<Utc>, until: TimeDelta) -> RevocationValue {
    let before = before.timestamp_millis();
    RevocationValue { before, until: Some(before + until.num_milliseconds()) }
}

#[test]
fn a_session_and_a_user_can_be_ended() {
    let (revocations, _) = at_noon();
    let (user, session) = (Uuid::now_v7(), Uuid::now_v7());
    let one = identity(user, session, noon());
    let other = identity(user, Uuid::now_v7(), noon());
    assert!(!revocations.refuses(&one));

    revocations.insert(Revocation::Session(session), noon());
    assert!(revocations.refuses(&one));
    assert!(!revocations.refuses(&other), "another session of the same user goes on");

    revocations.insert(Revocation::User(user), noon());
    assert!(revocations.refuses(&other));
}

#[test]
fn a_sign_in_after_a_revocation_is_never_refused_even_in_the_same_second() {
    let (revocations, _) = at_noon();
    let user = Uuid::now_v7();
    let revoked = noon() + TimeDelta::milliseconds(300);
    revocations.insert(Revocation::User(user), revoked);
    let refused = |offset| {
        revocations.refuses(&identity(user, Uuid::now_v7(), noon() + TimeDelta::milliseconds(offset)))
    };
    assert!(refused(0) && refused(299) && refused(300), "all that was issued up to then");
    assert!(!refused(301) && !refused(999), "nothing that was issued after it");
}

#[test]
fn an_entry_in_seconds_covers_its_whole_second() {
    let (revocations, _) = at_noon();
    let user = Uuid::now_v7();
    let value = serde_json::from_str(&format!("{{\"before\":{}}}", noon().timestamp())).unwrap();
    revocations.apply(&Revocation::User(user).key(), value);
    let refused = |offset| {
        revocations.refuses(&identity(user, Uuid::now_v7(), noon() + TimeDelta::milliseconds(offset)))
    };
    assert!(refused(-1) && refused(0) && refused(999));
    assert!(!refused(1000));
}

#[test]
fn an_older_revocation_never_shortens_a_newer_one() {
    let (revocations, clock) = at_noon();
    let user = Uuid::now_v7();
    let key = Revocation::User(user).key();
    revocations.apply(&key, until(noon(), TimeDelta::hours(1)));
    revocations.apply(&key, until(noon() - TimeDelta::minutes(5), TimeDelta::minutes(6)));
    assert!(revocations.refuses(&identity(user, Uuid::now_v7(), noon())));
    clock.advance(TimeDelta::minutes(2));
    revocations.drop_expired();
    assert!(
        revocations.refuses(&identity(user, Uuid::now_v7(), noon())),
        "it lives as long as the longer one"
    );
}

#[test]
fn a_revocation_is_forgotten_when_what_it_ended_has_expired() {
    let (revocations, clock) = at_noon();
    let session = |value| revocations.apply(&Revocation::Session(Uuid::now_v7()).key(), value);
    session(until(noon(), TimeDelta::minutes(10)));
    session(until(noon(), TimeDelta::minutes(20)));
    session(RevocationValue { before: noon().timestamp_millis(), until: None });
    assert_eq!(revocations.count(), 3);
    for (minutes, left) in [(9, 3), (10, 2), (20, 1), (24 * 60 - 1, 1), (24 * 60, 0)] {
        clock.set(noon() + TimeDelta::minutes(minutes));
        revocations.drop_expired();
        assert_eq!(revocations.count(), left, "after {minutes} minutes");
    }
    session(until(clock.now() - TimeDelta::hours(2), TimeDelta::hours(1)));
    assert_eq!(revocations.count(), 0, "one that is over is not taken in");
}

#[test]
fn one_that_was_recorded_again_is_kept_for_its_new_life() {
    let (revocations, clock) = at_noon();
    let key = Revocation::User(Uuid::now_v7()).key();
    revocations.apply(&key, until(noon(), TimeDelta::minutes(10)));
    revocations.apply(&key, until(noon(), TimeDelta::minutes(30)));
    clock.advance(TimeDelta::minutes(15));
    revocations.drop_expired();
    assert_eq!(revocations.count(), 1);
    clock.advance(TimeDelta::minutes(15));
    revocations.drop_expired();
    assert_eq!(revocations.count(), 0);
}

#[test]
fn keys_of_another_kind_are_ignored() {
    let (revocations, _) = at_noon();
    revocations.apply("auth.role.019c0000-0000-7000-8000-000000000000", until(noon(), TimeDelta::hours(1)));
    assert_eq!(revocations.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_service_has_not_loaded_before_something_was_read_whole() {
    let (revocations, _) = at_noon();
    revocations.insert(Revocation::User(Uuid::now_v7()), noon());
    assert!(!revocations.is_loaded(), "knowing one is not knowing all");
    revocations.confirm(Instant::now());
    assert!(revocations.is_loaded());
    tokio::time::advance(Duration::from_mins(1)).await;
    assert!(revocations.is_loaded(), "once ready it stays so");
    assert_eq!(revocations.age(), Duration::from_mins(1), "and says how long ago it was current");
}
