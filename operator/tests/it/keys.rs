//! A rotation with real reports: the new key signs only after every pod said that it has it.

use std::collections::BTreeSet;

use async_nats::jetstream::{self, kv};
use jiff::{SignedDuration, Timestamp};
use shopflow_operator::keys::policy::{Adoption, Policy, next};
use shopflow_operator::keys::{Keyring, State};
use shopflow_operator::messaging;
use testbed::Nats;

const PODS: [&str; 3] = ["auth.auth-1", "order.order-1", "order.order-2"];

struct World {
    _nats: Nats,
    jetstream: jetstream::Context,
    reports: kv::Store,
    policy: Policy,
    ring: Keyring,
    now: Timestamp,
}

impl World {
    async fn start() -> Self {
        let nats = Nats::start().await.unwrap();
        let jetstream = nats.provision().await.unwrap();
        let policy = Policy::default();
        let now = Timestamp::now();
        Self {
            reports: jetstream.get_key_value(topology::ADOPTION.name).await.unwrap(),
            ring: Keyring::create("https://shop.default.svc", &policy, now).unwrap(),
            _nats: nats,
            jetstream,
            policy,
            now,
        }
    }

    /// The pod has loaded what is published now.
    async fn loads(&self, pod: &str) {
        let kids: BTreeSet<&str> = self.ring.keys().iter().map(|key| key.kid.as_str()).collect();
        let report = serde_json::json!({ "kids": kids }).to_string();
        self.reports.put(pod, report.into()).await.unwrap();
    }

    async fn reconcile(&mut self) {
        self.now += SignedDuration::from_mins(1);
        let reports = messaging::adoption(&self.jetstream).await.unwrap();
        let adoption = Adoption::of(PODS.map(str::to_owned), &reports);
        let actions = next(&self.policy, &self.ring, &adoption, self.now);
        self.ring = self.ring.after(&actions, &self.policy, self.now).unwrap();
    }

    fn states(&self) -> Vec<State> {
        self.ring.keys().iter().map(|key| key.state).collect()
    }
}

#[tokio::test]
async fn the_new_key_waits_for_the_last_pod() {
    let mut world = World::start().await;
    for pod in PODS {
        world.loads(pod).await;
    }
    world.policy.rotation_request = Some("now".to_owned());
    world.reconcile().await;
    assert_eq!(world.states(), [State::Active, State::Pending]);
    for pod in &PODS[..2] {
        world.loads(pod).await;
        world.reconcile().await;
        assert_eq!(world.states(), [State::Active, State::Pending], "{pod}");
    }
    // A pod that is not among the ready ones does not speak for one that is.
    world.loads("order.order-3").await;
    world.reconcile().await;
    assert_eq!(world.states(), [State::Active, State::Pending]);
    world.loads(PODS[2]).await;
    world.reconcile().await;
    assert_eq!(world.states(), [State::Retiring, State::Active]);

    world.now += SignedDuration::from_hours(2);
    world.reconcile().await;
    assert_eq!(world.states(), [State::Active]);
}
