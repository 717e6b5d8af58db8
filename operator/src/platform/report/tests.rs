//! Situations, and what is said about them.

mod changes;
mod conditions;
mod people;

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::*;
use crate::{
    keys::Adoption,
    messaging,
    platform::{
        apply::Outside,
        build::Migration,
        gather::Gathered,
        keys,
        kind::Kind,
        live::Live,
        memory::{self, Memory, Secrets},
        resolve::{self, Release},
        servers::Seen,
    },
    postgres,
};

/// What a reconcile of a converged platform comes to; a test changes what it is about.
struct World {
    resource: ShopFlowPlatform,
    platform: Option<Platform>,
    memory: Memory,
    servers: Option<Servers>,
    keys: Option<Keys>,
    applied: Option<Applied>,
    failures: Vec<Failure>,
    tokens_end: Option<Timestamp>,
    now: Timestamp,
}

impl World {
    fn converged() -> Self {
        Self::of("{}")
    }

    fn of(spec: &str) -> Self {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let resource = resolve::tests::resource(spec);
        let platform = resolve::resolve(&resource, &Release::default()).unwrap();
        let gathered = Gathered { resource: resource.clone(), live: Live::default() };
        let memory = memory::recall(&gathered, &platform, keys::policy_of(&platform), now);
        let applied = applied(&platform);
        let mut world = Self {
            resource,
            servers: Some(answering(&platform)),
            platform: Some(platform),
            memory,
            keys: None,
            applied: Some(applied),
            failures: Vec::new(),
            tokens_end: None,
            now,
        };
        world.advance(Adoption::Unknown);
        world
    }

    /// Does what is due to the keys; what came of it is what the next one starts from.
    fn advance(&mut self, adoption: Adoption) {
        let platform = self.platform.as_ref().unwrap();
        let secrets = Secrets { live: &Live::default(), platform };
        self.memory.policy = keys::policy_of(platform);
        let keys = keys::advance(platform, &self.memory, &secrets, adoption, self.now).unwrap().unwrap();
        self.memory.keyring = Some(keys.keyring.clone());
        self.keys = Some(keys);
    }

    fn servers(&mut self) -> &mut Servers {
        self.servers.as_mut().unwrap()
    }

    fn applied(&mut self) -> &mut Applied {
        self.applied.as_mut().unwrap()
    }

    /// The steps from here on were not reached.
    fn ended_early(&mut self, reason: &'static str, terminal: bool) {
        (self.servers, self.keys, self.applied) = (None, None, None);
        self.failed(reason, terminal);
    }

    /// A part could not be brought about.
    fn failed(&mut self, reason: &'static str, terminal: bool) {
        self.failures.push(Failure { reason, message: "what to do".to_owned(), terminal });
    }

    fn deployment(&mut self, service: &str, patch: &Value) {
        self.object(Kind::Deployment, service, patch);
    }

    fn object(&mut self, kind: Kind, part: &str, patch: &Value) {
        let name = format!("shop-{part}");
        let live = &mut self.applied().live;
        let mut object = live.raw(kind, &name).unwrap().clone();
        json_patch::merge(&mut object, patch);
        live.insert(kind, object);
    }

    /// A pod of a component whose only container waits.
    fn waiting_pod(&mut self, component: &str, reason: &str) {
        let labels = json!({"app.kubernetes.io/component": component});
        let container = json!({
            "name": component, "image": "localhost/nope:1", "imageID": "", "ready": false, "restartCount": 0,
            "state": {"waiting": {"reason": reason}},
        });
        let name = format!("shop-{component}-x");
        let status = json!({"containerStatuses": [container]});
        let pod = json!({"metadata": {"name": name, "labels": labels}, "status": status});
        self.applied().live.insert(Kind::Pod, pod);
    }

    fn status(&self) -> (PlatformStatus, Vec<Transition>) {
        let findings = Findings {
            platform: self.platform.as_ref(),
            servers: self.servers.as_ref(),
            keys: self.keys.as_ref(),
            applied: self.applied.as_ref(),
            failures: &self.failures,
            tokens_end: self.tokens_end,
        };
        status(&self.resource, findings, self.now)
    }

    /// Says it, as the API server keeps it until the next reconcile.
    fn say(&mut self) -> PlatformStatus {
        let (status, _) = self.status();
        let value = serde_json::to_value(&status).unwrap();
        let kept: PlatformStatus = serde_json::from_value(value).unwrap();
        self.resource.status = Some(kept.clone());
        kept
    }

    fn later(&mut self, seconds: i64) {
        self.now += SignedDuration::from_secs(seconds);
    }
}

/// The column that says how many services are ready.
fn ready(count: usize) -> String {
    format!("{count}/{}", topology::SERVICES.len())
}

/// Servers that have all that they should.
fn answering(platform: &Platform) -> Servers {
    let plans = platform.databases().map(|plan| (plan.service.name.to_owned(), postgres::Plan::default()));
    Servers {
        database: Seen::Known(plans.collect()),
        messaging: Seen::Known(messaging::Plan::default()),
        adoption: Adoption::Unknown,
        outages: Some(Vec::new()),
        identities: platform
            .databases()
            .map(|plan| (plan.service.name.to_owned(), format!("7/{}", plan.service.port)))
            .collect(),
    }
}

/// Nothing was to do, and every pod is there.
fn applied(platform: &Platform) -> Applied {
    let mut live = Live::default();
    for plan in &platform.services {
        let replicas = plan.replicas;
        live.insert(
            Kind::Deployment,
            json!({
                "metadata": {"name": platform.object_name(plan.service.name), "generation": 2},
                "spec": {"replicas": replicas, "template": {"spec": {"containers": [{"image": plan.image}]}}},
                "status": {
                    "observedGeneration": 2,
                    "replicas": replicas,
                    "updatedReplicas": replicas,
                    "readyReplicas": replicas,
                },
            }),
        );
    }
    for server in ["postgres", "nats"] {
        live.insert(
            Kind::StatefulSet,
            json!({
                "metadata": {"name": platform.object_name(server), "generation": 1},
                "spec": {"replicas": 1},
                "status": {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1},
            }),
        );
    }
    let migration = |plan: &crate::platform::resolve::ServicePlan| {
        (plan.service.name, format!("shop-{}-migrate-1", plan.service.name), Migration::Done)
    };
    Applied {
        live,
        changes: 0,
        database: Outside::Converged,
        messaging: Outside::Converged,
        migrations: platform.databases().map(migration).collect(),
        errors: Vec::new(),
    }
}
