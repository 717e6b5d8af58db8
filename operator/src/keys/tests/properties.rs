//! Whatever happens in whatever order, one key signs, and no valid token loses its key.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::super::policy::{Action, Adoption, Policy, Removal, next};
use super::super::{Keyring, State};
use super::{everything, loaded, policy, ring, start};
use protocol::keyring::Algorithm;

#[derive(Debug, Clone)]
enum Event {
    Wait(u64),
    EveryoneLoads,
    SomeoneIsBehind,
    PodsUnknown,
    Request(u8),
    Algorithm(Algorithm),
    TokenLife(u64),
    RevokeActive,
    RevokeNewest,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (1_u64..200_000).prop_map(Event::Wait),
        1 => (1_u64..9_000_000).prop_map(Event::Wait),
        4 => Just(Event::EveryoneLoads),
        1 => Just(Event::SomeoneIsBehind),
        1 => Just(Event::PodsUnknown),
        2 => any::<u8>().prop_map(Event::Request),
        1 => prop_oneof![
            Just(Algorithm::EdDSA),
            Just(Algorithm::ES256),
            Just(Algorithm::HS256)
        ]
        .prop_map(Event::Algorithm),
        1 => (60_u64..86_400).prop_map(Event::TokenLife),
        1 => Just(Event::RevokeActive),
        1 => Just(Event::RevokeNewest),
    ]
}

struct World {
    policy: Policy,
    ring: Keyring,
    adoption: fn(&Keyring) -> Adoption,
    now: Timestamp,
}

impl World {
    fn happen(&mut self, event: &Event) {
        match *event {
            Event::Wait(seconds) => {
                let by = SignedDuration::try_from(Duration::from_secs(seconds)).unwrap();
                self.now = self.now.checked_add(by).unwrap();
            }
            Event::EveryoneLoads => self.adoption = everything,
            Event::SomeoneIsBehind => self.adoption = |ring| loaded(&[&ring.active().kid]),
            Event::PodsUnknown => self.adoption = |_| Adoption::Unknown,
            Event::Request(value) => self.policy.rotation_request = Some(value.to_string()),
            Event::Algorithm(algorithm) => self.policy.algorithm = algorithm,
            Event::TokenLife(seconds) => {
                self.policy.longest_token_life = Duration::from_secs(seconds);
            }
            Event::RevokeActive => {
                self.policy.revoked.insert(self.ring.active().kid.clone());
            }
            Event::RevokeNewest => {
                let newest = self.ring.keys().last().unwrap();
                self.policy.revoked.insert(newest.kid.clone());
            }
        }
    }

    /// One reconcile, with everything that must hold of it.
    fn reconcile(&mut self) -> Vec<Action> {
        let adoption = (self.adoption)(&self.ring);
        let actions = next(&self.policy, &self.ring, &adoption, self.now);
        for action in &actions {
            self.check(action, &adoption);
        }
        // `after` refuses a keyring without exactly one signing key.
        self.ring = self.ring.after(&actions, &self.policy, self.now).expect("the keyring stays sound");
        // What was written is what will be read.
        let text = self.ring.to_json();
        self.ring = Keyring::parse(secrecy::ExposeSecret::expose_secret(&text)).unwrap();
        actions
    }

    fn check(&self, action: &Action, adoption: &Adoption) {
        let emergency = self.policy.revoked.contains(&self.ring.active().kid);
        match action {
            Action::Promote { kid } => {
                let waited_for = adoption.waiting_for(kid);
                assert!(emergency || waited_for == Some(Vec::new()), "{kid} was not loaded");
            }
            Action::CreateActive => assert!(emergency),
            Action::Remove { kid, because } => {
                let key = self.ring.keys().iter().find(|key| key.kid == *kid).unwrap();
                match because {
                    Removal::Revoked => assert!(self.policy.revoked.contains(kid)),
                    Removal::Superseded => assert_eq!(key.state, State::Pending),
                    Removal::Expired => {
                        let life = SignedDuration::from_secs(key.token_life_seconds.try_into().unwrap());
                        assert!(key.retired_at.unwrap() + life < self.now);
                    }
                }
            }
            Action::Create | Action::Extend { .. } => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn one_key_signs_whatever_happens(events in prop::collection::vec(event(), 1..40)) {
        let mut world = World { policy: policy(), ring: ring(), adoption: everything, now: start() };
        for event in events {
            world.happen(&event);
            world.reconcile();
        }
        let revoked: &BTreeSet<String> = &world.policy.revoked;
        prop_assert!(world.ring.keys().iter().all(|key| !revoked.contains(&key.kid)));
    }

    #[test]
    fn it_settles_on_one_key_of_the_wanted_algorithm(events in prop::collection::vec(event(), 1..20)) {
        let mut world = World { policy: policy(), ring: ring(), adoption: everything, now: start() };
        for event in events {
            world.happen(&event);
            world.reconcile();
        }
        world.adoption = everything;
        // Otherwise the key may come of age while it settles, and the next rotation begins.
        world.policy.rotate_every = Duration::MAX;
        // At most: create, promote (a request may still be open), create, promote, remove.
        for _ in 0..6 {
            world.happen(&Event::Wait(100_000));
            world.reconcile();
        }
        prop_assert_eq!(world.reconcile(), []);
        prop_assert_eq!(world.ring.keys().len(), 1);
        prop_assert_eq!(world.ring.active().algorithm, world.policy.algorithm);
    }
}
