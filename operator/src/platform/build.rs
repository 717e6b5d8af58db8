//! Third step: every object as it shall be, and what shall be done in PostgreSQL and NATS. Pure: the same
//! input builds the same objects, and nothing here has a client.

mod config;
mod config_map;
mod deployment;
mod disruption_budget;
mod job;
mod meta;
mod mounted;
mod nats;
mod overrides;
mod pod;
mod postgres;
mod secret;
mod service;
mod service_account;
mod stateful_set;
mod storage;

use std::fmt;

use k8s_openapi::api::{
    apps::v1::{Deployment, StatefulSet},
    batch::v1::Job,
    core::v1::{ConfigMap, PersistentVolumeClaim, Secret, Service, ServiceAccount},
    policy::v1::PodDisruptionBudget,
};

pub use job::Migration;
pub(crate) use job::{component as migration_component, progress};
pub(crate) use meta::hash;
pub use mounted::Stamp;
pub use overrides::OverrideError;
pub(crate) use {
    nats::{MONITOR_PORT, STORE as NATS_STORE},
    service::{NATS_PORT, POSTGRES_PORT},
};

use super::{
    identities::Identities,
    keys::Keys,
    kind::Kind,
    live::Live,
    memory::Memory,
    resolve::{Platform, ServicePlan},
    servers::Servers,
};
use crate::{api::LABEL_COMPONENT, messaging::IdentityError};

/// Everything as it shall be.
#[derive(Default)]
pub struct Desired {
    /// Identity of pods.
    pub service_accounts: Vec<ServiceAccount>,
    /// The keys that verify tokens, where they are public.
    pub verification_keys: Option<ConfigMap>,
    /// The keys that verify tokens, where they are a shared secret.
    pub shared_verification_keys: Option<Secret>,
    /// The keys that sign, and tokens: never before the keys that verify.
    pub signers: Vec<Secret>,
    /// Passwords, seeds, credentials.
    pub secrets: Vec<Secret>,
    /// Secrets that hold what PostgreSQL must know first.
    pub secrets_after_database: Vec<Secret>,
    /// Configuration.
    pub config_maps: Vec<ConfigMap>,
    /// Network names.
    pub services: Vec<Service>,
    /// Volumes that shall grow.
    pub claims: Vec<PersistentVolumeClaim>,
    /// PostgreSQL and NATS.
    pub stateful_sets: Vec<StatefulSet>,
    /// Migrations.
    pub jobs: Vec<Job>,
    /// Services whose migration is done.
    pub deployments: Vec<Deployment>,
    /// How many pods may be away.
    pub disruption_budgets: Vec<PodDisruptionBudget>,
    /// Pods that shall learn of new keys.
    pub stamps: Vec<Stamp>,
    /// Objects of former specs.
    pub obsolete: Vec<(Kind, String)>,
    /// What shall be done in PostgreSQL, if it answered.
    pub database: Option<crate::postgres::Plan>,
    /// What shall be done in NATS, if it answered.
    pub messaging: Option<crate::messaging::Plan>,
    /// How far each migration is: service, Job, progress.
    pub migrations: Vec<(&'static str, String, Migration)>,
}

/// Names alone: Secrets would be shown whole.
impl fmt::Debug for Desired {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Desired")
            .field("signers", &names(&self.signers))
            .field("secrets", &names(&self.secrets))
            .field("deployments", &names(&self.deployments))
            .field("obsolete", &self.obsolete)
            .finish_non_exhaustive()
    }
}

/// The objects cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// An override is impossible.
    #[error(transparent)]
    Override(#[from] OverrideError),
    /// The configuration of NATS cannot be signed.
    #[error("the configuration of NATS cannot be made")]
    Identity(#[from] IdentityError),
}

/// Builds everything. What depends on a password, seed or key that is not known is left as it is.
pub fn build(
    platform: &Platform,
    memory: &Memory,
    keys: Option<&Keys>,
    servers: &Servers,
    live: &Live,
) -> Result<Desired, BuildError> {
    let mut secrets =
        keys.map_or_else(secret::Secrets::default, |keys| secret::of_keys(platform, keys, live));
    secret::of_servers(platform, memory, &mut secrets);
    let blocked = |secret: &Secret| {
        let component = secret.metadata.labels.as_ref().and_then(|labels| labels.get(LABEL_COMPONENT));
        component.is_some_and(|service| servers.database_blocked(service))
    };
    secrets.once_the_database_has_them.retain(|secret| !blocked(secret));
    let postgres = postgres::stateful_set(platform, live);
    let server_config = memory.identities.as_ref().map(Identities::server_config).transpose()?.flatten();
    let server_config = server_config.as_deref();
    let nats = server_config.and_then(|config| nats::stateful_set(platform, config, live));
    let mut config_maps = config_map::config_maps(platform);
    config_maps.extend(postgres::config_map(platform));
    config_maps.extend(server_config.and_then(|config| nats::config_map(platform, config)));
    let mut desired = Desired {
        service_accounts: vec![service_account::service_account(platform)],
        verification_keys: keys.and_then(|keys| config_map::verification_keys(platform, keys)),
        shared_verification_keys: secrets.verification_keys,
        signers: secrets.signers,
        secrets: secrets.now,
        secrets_after_database: secrets.once_the_database_has_them,
        config_maps,
        services: service::services(platform),
        claims: postgres::claims(platform, live).into_iter().chain(nats::claims(platform, live)).collect(),
        stateful_sets: postgres.into_iter().chain(nats).collect(),
        disruption_budgets: platform
            .services
            .iter()
            .filter_map(|plan| disruption_budget::budget(platform, plan))
            .collect(),
        stamps: stamps(platform, memory, keys, live),
        database: servers.database_plan(),
        messaging: servers.messaging_plan(),
        ..Desired::default()
    };
    for plan in &platform.services {
        gate(platform, plan, servers, live, &mut desired);
    }
    // Overridden objects must exist in full, also while a migration holds them back.
    overrides::apply(&platform.overrides, &mut desired)?;
    hold_back(platform, &mut desired);
    // What is not built now for want of a key is not what no spec asks for.
    if keys.is_some() && memory.unknown.is_empty() && live.forbidden().next().is_none() {
        desired.obsolete = obsolete(platform, &desired, live);
    }
    Ok(desired)
}

/// Signing keys, tokens and credentials alone, where nothing else can be built: a running platform keeps them.
pub fn secured(platform: &Platform, memory: &Memory, keys: &Keys, live: &Live) -> Desired {
    let secrets = secret::of_keys(platform, keys, live);
    Desired {
        verification_keys: config_map::verification_keys(platform, keys),
        shared_verification_keys: secrets.verification_keys,
        signers: secrets.signers,
        secrets: secrets.now,
        stamps: stamps(platform, memory, Some(keys), live),
        ..Desired::default()
    }
}

/// A revision is of everything that is mounted, so it is only known when all of that is.
fn stamps(platform: &Platform, memory: &Memory, keys: Option<&Keys>, live: &Live) -> Vec<Stamp> {
    let known = memory.unknown.is_empty() && live.forbidden().next().is_none();
    let keys = keys.filter(|_| known);
    let mut stamps = keys.map_or_else(Vec::new, |keys| mounted::stamps(platform, memory, keys, live));
    stamps.extend(mounted::server_stamps(platform, memory, live));
    stamps
}

/// A service is rolled out when its migration is done; the migration starts when its database is ready.
fn gate(platform: &Platform, plan: &ServicePlan, servers: &Servers, live: &Live, desired: &mut Desired) {
    if plan.service.database {
        let identity = servers.identities.get(plan.service.name).map(String::as_str);
        let name = job::name(platform, plan, identity);
        let known = live.raw(Kind::Job, &name);
        // One that exists stays as it is: its pod cannot be changed, and it runs once.
        if known.is_none() && servers.database_ready(plan.service.name) {
            desired.jobs.push(job::job(platform, plan, name.clone()));
        }
        desired.migrations.push((plan.service.name, name, progress(known)));
    }
    desired.deployments.push(deployment::deployment(platform, plan));
}

/// Takes away the Deployments whose migration is not done: what runs goes on as it is.
fn hold_back(platform: &Platform, desired: &mut Desired) {
    let waiting: Vec<String> = desired
        .migrations
        .iter()
        .filter(|(_, _, progress)| *progress != Migration::Done)
        .map(|(service, ..)| platform.object_name(service))
        .collect();
    desired
        .deployments
        .retain(|deployment| deployment.metadata.name.as_ref().is_none_or(|name| !waiting.contains(name)));
}

/// Objects of this platform that no spec asks for any more. Only kinds without data, and only what was
/// read just now: an answer that failed has ended the reconcile long before.
fn obsolete(platform: &Platform, desired: &Desired, live: &Live) -> Vec<(Kind, String)> {
    let jobs = desired.migrations.iter().map(|(_, job, _)| job.clone());
    let services = platform.services.iter().map(|plan| deployment::name(platform, plan.service));
    let config_maps = names(&desired.config_maps).into_iter();
    let config_maps =
        config_maps.chain(desired.verification_keys.iter().filter_map(|map| map.metadata.name.clone()));
    let wanted: [(Kind, Vec<String>); 6] = [
        (Kind::Job, jobs.collect()),
        (Kind::Deployment, services.collect()),
        (Kind::DisruptionBudget, names(&desired.disruption_budgets)),
        (Kind::Service, names(&desired.services)),
        (Kind::ConfigMap, config_maps.collect()),
        (Kind::ServiceAccount, names(&desired.service_accounts)),
    ];
    let mut obsolete = Vec::new();
    for (kind, wanted) in wanted {
        let found = live.of(kind).filter(|(name, object)| {
            !wanted.iter().any(|kept| kept == name) && owned_by(object, &platform.owner.uid)
        });
        obsolete.extend(found.map(|(name, _)| (kind, name.to_owned())));
    }
    obsolete
}

fn owned_by(object: &serde_json::Value, uid: &str) -> bool {
    let owners = object["metadata"]["ownerReferences"].as_array();
    let deleted = !object["metadata"]["deletionTimestamp"].is_null();
    !deleted && owners.is_some_and(|owners| owners.iter().any(|owner| owner["uid"] == uid))
}

fn names<K: kube::Resource>(objects: &[K]) -> Vec<String> {
    objects.iter().filter_map(|object| object.meta().name.clone()).collect()
}

#[cfg(test)]
mod tests;
