use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::super::policy::{Action, Adoption, Lost, Removal, may_create, next, next_change, next_rotation};
use super::{DAY, HOUR, after, before, everything, loaded, policy, ring, start, states, step};
use crate::keys::State::{Active, Pending, Retiring};
use protocol::keyring::Algorithm;

#[test]
fn a_young_key_is_left_alone() {
    let ring = ring();
    let now = before(after(DAY * 90));
    assert_eq!(next(&policy(), &ring, &everything(&ring), now), []);
}

#[test]
fn a_key_is_due_at_its_age_and_waits_for_every_ready_pod() {
    let ring = ring();
    let old = ring.active().kid.clone();
    let due = after(DAY * 90);
    assert_eq!(next_rotation(&policy(), &ring), due);

    let (actions, ring) = step(&policy(), &ring, &loaded(&[&old]), due);
    assert_eq!(actions, [Action::Create]);
    assert_eq!(states(&ring), [Active, Pending]);
    let new = ring.keys()[1].kid.clone();

    // Nobody, then one of two, has loaded it.
    let later = after(DAY * 91);
    assert_eq!(next(&policy(), &ring, &loaded(&[&old]), later), []);
    let partly = Adoption::Known(BTreeMap::from([
        ("auth.auth-1".to_owned(), BTreeSet::from([new.clone()])),
        ("order.order-1".to_owned(), BTreeSet::new()),
    ]));
    assert_eq!(next(&policy(), &ring, &partly, later), []);
    assert_eq!(partly.waiting_for(&new), Some(vec!["order.order-1"]));

    let (actions, ring) = step(&policy(), &ring, &loaded(&[&old, &new]), later);
    assert_eq!(actions, [Action::Promote { kid: new.clone() }]);
    assert_eq!(states(&ring), [Retiring, Active]);
    assert_eq!(ring.active().kid, new);
}

#[test]
fn nothing_is_promoted_when_pods_could_not_be_asked() {
    let (_, ring) = step(&policy(), &ring(), &Adoption::Unknown, after(DAY * 90));
    assert_eq!(states(&ring), [Active, Pending]);
    assert_eq!(next(&policy(), &ring, &Adoption::Unknown, after(DAY * 400)), []);
    assert_eq!(Adoption::Unknown.waiting_for("any"), None);
}

#[test]
fn a_pod_without_a_report_holds_the_promotion_up() {
    let reports = BTreeMap::from([
        ("order.order-1".to_owned(), BTreeSet::from(["k".to_owned()])),
        ("order.gone".to_owned(), BTreeSet::new()),
    ]);
    let ready = ["order.order-1".to_owned(), "order.order-2".to_owned()];
    let adoption = Adoption::of(ready, &reports);
    assert_eq!(adoption.waiting_for("k"), Some(vec!["order.order-2"]));
}

#[test]
fn a_new_key_is_published_for_a_while_even_if_every_pod_has_it() {
    let (_, ring) = step(&policy(), &ring(), &Adoption::Unknown, after(DAY * 90));
    let created = ring.keys()[1].created_at;
    assert_eq!(next(&policy(), &ring, &everything(&ring), created), []);
    let ready = next_change(&policy(), &ring);
    // The active key's own age is long past; the pending one decides when to look again.
    assert!(ready <= created + Duration::from_secs(10));
    let now = created + Duration::from_secs(10);
    assert_eq!(next(&policy(), &ring, &everything(&ring), now).len(), 1);
}

#[test]
fn a_retired_key_stays_for_the_longest_token_life_plus_skew() {
    let ring = rotated(DAY * 90);
    let retired = ring.keys()[0].retired_at.unwrap();
    let old = ring.keys()[0].kid.clone();
    let end = retired + HOUR + Duration::from_mins(5);
    assert_eq!(next_change(&policy(), &ring), end);
    let just_before = before(end);
    assert_eq!(next(&policy(), &ring, &everything(&ring), just_before), []);
    let (actions, ring) = step(&policy(), &ring, &everything(&ring), end);
    assert_eq!(actions, [removed(&old, Removal::Expired)]);
    assert_eq!(states(&ring), [Active]);
}

#[test]
fn a_retiring_key_without_a_date_stays_until_it_is_revoked() {
    let ring = rotated(DAY * 90);
    let mut file: serde_json::Value =
        serde_json::from_str(secrecy::ExposeSecret::expose_secret(&ring.to_json())).unwrap();
    file["keys"][0]["retired_at"] = serde_json::Value::Null;
    let ring = super::Keyring::parse(&file.to_string()).unwrap();
    assert_eq!(next(&policy(), &ring, &everything(&ring), after(DAY * 100)), []);
}

#[test]
fn tokens_already_out_outlive_a_shortened_setting() {
    let long = super::Policy { longest_token_life: DAY, ..policy() };
    let ring = ring();
    let (actions, ring) = step(&long, &ring, &everything(&ring), after(HOUR));
    let kid = ring.active().kid.clone();
    assert_eq!(actions, [Action::Extend { kid }]);

    // The setting is one hour again; the key has signed tokens for a day.
    let asked = super::Policy { rotation_request: Some("1".to_owned()), ..policy() };
    let (_, ring) = step(&asked, &ring, &everything(&ring), after(HOUR * 2));
    let (_, ring) = step(&asked, &ring, &everything(&ring), after(HOUR * 3));
    assert_eq!(states(&ring), [Retiring, Active]);
    assert_eq!(next(&asked, &ring, &everything(&ring), after(HOUR * 26)), []);
    assert_eq!(next(&asked, &ring, &everything(&ring), after(HOUR * 28)).len(), 1);
}

#[test]
fn a_key_that_service_tokens_still_need_is_kept() {
    let ring = rotated(DAY * 90);
    let old = ring.keys()[0].kid.clone();
    let held = super::Policy { in_use: BTreeSet::from([old.clone()]), ..policy() };
    let late = after(DAY * 100);
    assert_eq!(next(&held, &ring, &everything(&ring), late), []);
    assert_eq!(next(&policy(), &ring, &everything(&ring), late), [removed(&old, Removal::Expired)]);
}

#[test]
fn a_request_is_answered_once() {
    let asked = super::Policy { rotation_request: Some("2026-02-17".to_owned()), ..policy() };
    let ring = ring();
    let (actions, ring) = step(&asked, &ring, &everything(&ring), after(HOUR));
    assert_eq!(actions, [Action::Create]);
    assert_eq!(ring.rotation_request(), Some("2026-02-17"));
    let (_, ring) = step(&asked, &ring, &everything(&ring), after(HOUR * 2));
    let (_, ring) = step(&asked, &ring, &everything(&ring), after(HOUR * 9));
    assert_eq!(states(&ring), [Active]);
    assert_eq!(next(&asked, &ring, &everything(&ring), after(DAY)), []);

    // Taking the annotation away asks for nothing; another value asks again.
    assert_eq!(next(&policy(), &ring, &everything(&ring), after(DAY)), []);
    let again = super::Policy { rotation_request: Some("2026-02-18".to_owned()), ..policy() };
    assert_eq!(next(&again, &ring, &everything(&ring), after(DAY)), [Action::Create]);
}

#[test]
fn a_request_present_at_the_first_start_is_no_rotation() {
    let asked = super::Policy { rotation_request: Some("1".to_owned()), ..policy() };
    let ring = super::Keyring::create("issuer", &asked, start()).unwrap();
    assert_eq!(next(&asked, &ring, &everything(&ring), after(HOUR)), []);
}

#[test]
fn another_algorithm_is_a_rotation() {
    let other = super::Policy { algorithm: Algorithm::ES256, ..policy() };
    let (actions, ring) = step(&other, &ring(), &Adoption::Unknown, after(HOUR));
    assert_eq!(actions, [Action::Create]);
    let (_, ring) = step(&other, &ring, &everything(&ring), after(HOUR * 2));
    assert_eq!(ring.active().algorithm, Algorithm::ES256);
    assert_eq!(ring.keys()[0].algorithm, Algorithm::EdDSA);
    assert_eq!(states(&ring), [Retiring, Active]);
}

#[test]
fn a_pending_key_of_an_algorithm_no_longer_wanted_is_replaced() {
    let other = super::Policy { algorithm: Algorithm::ES256, ..policy() };
    let (_, ring) = step(&other, &ring(), &Adoption::Unknown, after(HOUR));
    let superseded = ring.keys()[1].kid.clone();
    let (actions, ring) = step(&policy(), &ring, &everything(&ring), after(HOUR * 2));
    assert_eq!(actions, [Action::Create, removed(&superseded, Removal::Superseded)]);
    assert_eq!(states(&ring), [Active, Pending]);
    assert_eq!(ring.keys()[1].algorithm, Algorithm::EdDSA);
}

#[test]
fn a_revoked_key_goes_at_once_and_another_signs() {
    let ring = ring();
    let leaked = ring.active().kid.clone();
    let revoking = super::Policy { revoked: BTreeSet::from([leaked.clone()]), ..policy() };
    let (actions, ring) = step(&revoking, &ring, &Adoption::Unknown, after(HOUR));
    assert_eq!(actions, [Action::CreateActive, removed(&leaked, Removal::Revoked)]);
    assert_eq!(states(&ring), [Active]);
    assert!(ring.keys().iter().all(|key| key.kid != leaked));
    assert_eq!(next(&revoking, &ring, &everything(&ring), after(HOUR * 2)), []);
}

#[test]
fn a_waiting_key_takes_over_from_a_revoked_one_without_waiting() {
    let (_, ring) = step(&policy(), &ring(), &Adoption::Unknown, after(DAY * 90));
    let (leaked, waiting) = (ring.keys()[0].kid.clone(), ring.keys()[1].kid.clone());
    let revoking = super::Policy { revoked: BTreeSet::from([leaked.clone()]), ..policy() };
    let (actions, ring) = step(&revoking, &ring, &Adoption::Unknown, after(DAY * 90));
    assert_eq!(actions, [Action::Promote { kid: waiting.clone() }, removed(&leaked, Removal::Revoked)]);
    assert_eq!(ring.active().kid, waiting);
    assert_eq!(states(&ring), [Active]);
}

#[test]
fn revoked_pending_and_retiring_keys_go_and_the_active_one_stays() {
    let ring = rotated(DAY * 90);
    let retiring = ring.keys()[0].kid.clone();
    let revoking = super::Policy { revoked: BTreeSet::from([retiring.clone()]), ..policy() };
    let (actions, ring) = step(&revoking, &ring, &Adoption::Unknown, after(DAY * 90 + HOUR));
    assert_eq!(actions, [removed(&retiring, Removal::Revoked)]);
    assert_eq!(states(&ring), [Active]);

    let (_, ring) = step(&policy(), &ring, &Adoption::Unknown, after(DAY * 181));
    let pending = ring.keys()[1].kid.clone();
    let revoking = super::Policy { revoked: BTreeSet::from([pending.clone()]), ..policy() };
    let (actions, ring) = step(&revoking, &ring, &everything(&ring), after(DAY * 181));
    // The rotation is still due, so a fresh key takes the place.
    assert_eq!(actions, [Action::Create, removed(&pending, Removal::Revoked)]);
    assert_eq!(states(&ring), [Active, Pending]);
}

#[test]
fn a_clock_that_went_back_changes_nothing() {
    let ring = rotated(DAY * 90);
    assert_eq!(next(&policy(), &ring, &everything(&ring), start()), []);
}

#[test]
fn a_lost_keyring_is_never_made_again_without_being_asked() {
    assert_eq!(may_create(false, false), Ok(()));
    assert_eq!(may_create(true, false), Err(Lost));
    assert_eq!(may_create(true, true), Ok(()));
}

/// A keyring whose first key has just retired.
fn rotated(at: Duration) -> super::Keyring {
    let (_, ring) = step(&policy(), &ring(), &Adoption::Unknown, after(at));
    let promoted_at = after(at + Duration::from_mins(1));
    let (_, ring) = step(&policy(), &ring, &everything(&ring), promoted_at);
    assert_eq!(states(&ring), [Retiring, Active]);
    ring
}

fn removed(kid: &str, because: Removal) -> Action {
    Action::Remove { kid: kid.to_owned(), because }
}
