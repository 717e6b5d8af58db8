//! From the text of a resource to its objects, through the real steps before this one.

mod overrides;
mod ownership;
mod rollout;
mod secrets;
mod security;
mod servers;
mod services;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::{
    api::ShopFlowPlatform,
    keys::Adoption,
    platform::{
        gather::Gathered,
        keys,
        kind::Kept,
        memory::{self, Secrets},
        resolve::{self, Release},
        servers::Seen,
    },
};

/// Everything by kind and name.
type Objects = BTreeMap<(Kind, String), Value>;

/// A platform whose servers answer and have all that they should, and whose migrations have run.
struct World {
    resource: ShopFlowPlatform,
    platform: Platform,
    memory: Memory,
    keys: Keys,
    servers: Servers,
    live: Live,
}

impl World {
    fn of(spec: &str) -> Self {
        Self::from(resolve::tests::resource(spec), Live::default())
    }

    /// The steps before this one, with what the API server has.
    fn from(resource: ShopFlowPlatform, live: Live) -> Self {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let platform = resolve::resolve(&resource, &Release::default()).unwrap();
        let gathered = Gathered { resource: resource.clone(), live: live.clone() };
        let memory = memory::recall(&gathered, &platform, keys::policy_of(&platform), now);
        assert!(memory.unknown.is_empty(), "{:?}", memory.unknown);
        let secrets = Secrets { live: &live, platform: &platform };
        let keys = keys::advance(&platform, &memory, &secrets, Adoption::Unknown, now).unwrap().unwrap();
        let plans =
            platform.databases().map(|plan| (plan.service.name.to_owned(), crate::postgres::Plan::default()));
        let servers = Servers {
            database: Seen::Known(plans.collect()),
            messaging: Seen::Known(crate::messaging::Plan::default()),
            adoption: Adoption::Unknown,
            outages: None,
            identities: BTreeMap::new(),
        };
        let mut world = Self { resource, platform, memory, keys, servers, live };
        world.migrate("Complete");
        world
    }

    /// The migrations of this release ended so.
    fn migrate(&mut self, end: &str) {
        for plan in self.platform.databases() {
            let conditions = json!([{"type": end, "status": "True"}]);
            let name = job::name(&self.platform, plan, None);
            self.live
                .insert(Kind::Job, json!({"metadata": {"name": name}, "status": {"conditions": conditions}}));
        }
    }

    fn build(&self) -> Desired {
        self.try_build().unwrap()
    }

    fn try_build(&self) -> Result<Desired, BuildError> {
        build(&self.platform, &self.memory, Some(&self.keys), &self.servers, &self.live)
    }

    /// What the API server has once all of this is applied.
    fn applied(&self) -> Live {
        let mut live = self.live.clone();
        for ((kind, _), mut object) in objects(&self.build()) {
            object["metadata"]["uid"] = "1".into();
            live.insert(kind, object);
        }
        live
    }
}

/// Everything of a spec, with the migrations that are to run.
fn built(spec: &str) -> Objects {
    let mut world = World::of(spec);
    let mut all = objects(&world.build());
    world.live = Live::default();
    all.extend(objects(&world.build()));
    all
}

/// Every object. A kind that is left out does not compile.
fn objects(desired: &Desired) -> Objects {
    let Desired {
        service_accounts,
        verification_keys,
        shared_verification_keys,
        signers,
        secrets,
        secrets_after_database,
        config_maps,
        services,
        claims,
        stateful_sets,
        jobs,
        deployments,
        disruption_budgets,
        stamps: _,
        obsolete: _,
        database: _,
        messaging: _,
        migrations: _,
    } = desired;
    let mut all = Objects::new();
    put(&mut all, service_accounts);
    put(&mut all, verification_keys);
    put(&mut all, shared_verification_keys);
    put(&mut all, signers);
    put(&mut all, secrets);
    put(&mut all, secrets_after_database);
    put(&mut all, config_maps);
    put(&mut all, services);
    put(&mut all, claims);
    put(&mut all, stateful_sets);
    put(&mut all, jobs);
    put(&mut all, deployments);
    put(&mut all, disruption_budgets);
    all
}

fn put<'a, K: Kept + 'a>(all: &mut Objects, objects: impl IntoIterator<Item = &'a K>) {
    for object in objects {
        let name = object.meta().name.clone().unwrap();
        let twice = all.insert((K::KIND, name), serde_json::to_value(object).unwrap());
        assert!(twice.is_none(), "two objects of one name");
    }
}

fn get<'a>(objects: &'a Objects, kind: Kind, name: &str) -> &'a Value {
    objects.get(&(kind, name.to_owned())).unwrap_or_else(|| panic!("no {kind:?} {name}"))
}

/// The pods that the objects make, by the object's name.
fn pods(objects: &Objects) -> Vec<(&str, &Value)> {
    let pods = objects
        .iter()
        .filter_map(|((_, name), object)| Some((name.as_str(), object.pointer("/spec/template")?)));
    pods.collect()
}

/// The only container of a pod.
fn container(pod: &Value) -> &Value {
    assert_eq!(pod["spec"]["containers"].as_array().unwrap().len(), 1);
    &pod["spec"]["containers"][0]
}
