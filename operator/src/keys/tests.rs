//! The rules of key rotation, one test a rule.

mod keyring;
mod policy;
mod properties;
mod tokens;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::policy::{Action, Adoption, Policy};
use super::{Keyring, State, next};

pub(super) const HOUR: Duration = Duration::from_hours(1);
pub(super) const DAY: Duration = Duration::from_hours(24);

pub(super) fn start() -> Timestamp {
    "2026-02-17T10:30:00Z".parse().unwrap()
}

pub(super) fn after(by: Duration) -> Timestamp {
    start() + SignedDuration::try_from(by).unwrap()
}

/// A second less.
pub(super) fn before(end: Timestamp) -> Timestamp {
    end - SignedDuration::from_secs(1)
}

pub(super) fn policy() -> Policy {
    Policy::default()
}

pub(super) fn ring() -> Keyring {
    Keyring::create("https://shop.default.svc", &policy(), start()).unwrap()
}

/// Two ready pods that have loaded these keys.
pub(super) fn loaded(kids: &[&str]) -> Adoption {
    let kids: BTreeSet<String> = kids.iter().map(|kid| (*kid).to_owned()).collect();
    Adoption::Known(BTreeMap::from([
        ("auth.auth-1".to_owned(), kids.clone()),
        ("order.order-1".to_owned(), kids),
    ]))
}

pub(super) fn everything(ring: &Keyring) -> Adoption {
    let kids: Vec<_> = ring.keys().iter().map(|key| key.kid.as_str()).collect();
    loaded(&kids)
}

/// Asks and obeys once.
pub(super) fn step(
    policy: &Policy,
    ring: &Keyring,
    adoption: &Adoption,
    now: Timestamp,
) -> (Vec<Action>, Keyring) {
    let actions = next(policy, ring, adoption, now);
    let changed = ring.after(&actions, policy, now).unwrap();
    (actions, changed)
}

pub(super) fn states(ring: &Keyring) -> Vec<State> {
    ring.keys().iter().map(|key| key.state).collect()
}
