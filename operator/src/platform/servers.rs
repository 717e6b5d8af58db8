//! Second half of the first step: what PostgreSQL and NATS hold, and what is to be done in them.

use std::{collections::BTreeMap, future::Future, time::Duration};

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;

use super::{
    connections::{Connections, Peers},
    error_text::chain,
    kind::Kind,
    live::Live,
    memory::Memory,
    resolve::{NatsServer, Platform, PostgresServer},
};
use crate::{
    api::LABEL_COMPONENT,
    keys::Adoption,
    messaging::{self, Limits, Outage},
    postgres,
};

/// Longest that one server is waited for.
const PATIENCE: Duration = Duration::from_secs(12);

/// What is known of a server.
#[derive(Debug)]
pub enum Seen<T> {
    /// Its pod is not ready yet.
    Starting,
    /// It does not answer, and why.
    Unreachable(String),
    /// It answered.
    Known(T),
}

/// What PostgreSQL and NATS hold, compared with what they should.
#[derive(Debug)]
pub struct Servers {
    /// Per service, what is to be done.
    pub database: Seen<BTreeMap<String, postgres::Plan>>,
    /// What is to be done.
    pub messaging: Seen<messaging::Plan>,
    /// Which keys the ready pods have loaded.
    pub adoption: Adoption,
    /// What services cannot get done outside the platform; `None` when that could not be asked.
    pub outages: Option<Vec<Outage>>,
    /// What tells each service's database from every other: as seen now, else as remembered.
    pub identities: BTreeMap<String, String>,
}

impl Servers {
    /// What is to be done in PostgreSQL, for all services.
    pub fn database_plan(&self) -> Option<postgres::Plan> {
        let Seen::Known(plans) = &self.database else { return None };
        Some(postgres::Plan {
            statements: plans.values().flat_map(|plan| plan.statements.clone()).collect(),
            conflicts: plans.values().flat_map(|plan| plan.conflicts.clone()).collect(),
        })
    }

    /// What is to be done in NATS.
    pub fn messaging_plan(&self) -> Option<messaging::Plan> {
        match &self.messaging {
            Seen::Known(plan) => Some(plan.clone()),
            Seen::Starting | Seen::Unreachable(_) => None,
        }
    }

    /// Whether a service's database is left alone until a person acts.
    pub fn database_blocked(&self, service: &str) -> bool {
        let Seen::Known(plans) = &self.database else { return false };
        plans.get(service).is_some_and(|plan| !plan.conflicts.is_empty())
    }

    /// Whether everything about a service's database is as it should be.
    pub fn database_ready(&self, service: &str) -> bool {
        let Seen::Known(plans) = &self.database else { return false };
        plans.get(service).is_some_and(|plan| plan.statements.is_empty() && plan.conflicts.is_empty())
    }
}

/// Asks PostgreSQL and NATS.
pub async fn observe(
    connections: &Connections,
    platform: &Platform,
    memory: &Memory,
    live: &Live,
) -> Servers {
    let peers = connections.peers(platform, memory);
    let database = async {
        if matches!(platform.postgres, PostgresServer::Managed { .. })
            && !has_ready_pod(platform, "postgres", live)
        {
            return Seen::Starting;
        }
        patiently(Box::pin(database(&peers, platform, memory))).await
    };
    let messaging = async {
        if matches!(platform.nats, NatsServer::Managed { .. }) && !has_ready_pod(platform, "nats", live) {
            return (Seen::Starting, Adoption::Unknown, None);
        }
        let (plan, reports, outages) = futures::future::join3(
            patiently(Box::pin(streams(&peers))),
            patiently(Box::pin(reports(&peers))),
            patiently(Box::pin(outages(&peers))),
        )
        .await;
        let adoption = match reports {
            Seen::Known(reports) => Adoption::of(ready_pods(platform, live), &reports),
            Seen::Starting | Seen::Unreachable(_) => Adoption::Unknown,
        };
        let outages = match outages {
            Seen::Known(outages) => Some(outages),
            Seen::Starting | Seen::Unreachable(_) => None,
        };
        (plan, adoption, outages)
    };
    let (database, (messaging, adoption, outages)) = futures::future::join(database, messaging).await;
    let mut identities = platform.database_identities.clone();
    let database = match database {
        Seen::Starting => Seen::Starting,
        Seen::Unreachable(problem) => Seen::Unreachable(problem),
        Seen::Known((plans, seen)) => {
            identities.extend(seen);
            Seen::Known(plans)
        }
    };
    Servers { database, messaging, adoption, outages, identities }
}

/// What marks a platform's own roles and databases.
pub(super) fn database_mark(namespace: &str, platform: &str) -> String {
    format!("shopflow.dev {namespace}/{platform}")
}

/// What PostgreSQL shall hold.
pub(crate) fn desired_databases(platform: &Platform, memory: &Memory) -> postgres::Desired {
    let mark = database_mark(&platform.namespace, &platform.name);
    let mut desired = postgres::Desired::from_topology(mark, |service| {
        let database = memory.databases.get(service.name)?;
        Some((database.owner.clone(), database.logins.clone()))
    });
    if !platform.may_recreate_databases {
        desired.existed = platform.database_identities.keys().cloned().collect();
    }
    desired
}

/// What JetStream shall hold.
pub(crate) fn desired_streams() -> messaging::Desired {
    messaging::Desired::from_topology(Limits::default())
}

/// Plans and identities, by service.
type Databases = (BTreeMap<String, postgres::Plan>, BTreeMap<String, String>);

async fn database(peers: &Peers, platform: &Platform, memory: &Memory) -> Result<Databases, String> {
    let server = peers.postgres()?;
    let desired = desired_databases(platform, memory);
    let observed = postgres::observe(&server, &desired).await.map_err(|error| chain(&error))?;
    let one = |spec: &postgres::DatabaseSpec| {
        let alone = postgres::Desired { databases: vec![spec.clone()], ..desired.clone() };
        (spec.service.clone(), postgres::plan(&alone, &observed))
    };
    Ok((desired.databases.iter().map(one).collect(), observed.identities()))
}

async fn streams(peers: &Peers) -> Result<messaging::Plan, String> {
    let jetstream = peers.jetstream().await?;
    let desired = desired_streams();
    let observed = messaging::observe(&jetstream, &desired).await.map_err(|error| chain(&error))?;
    Ok(messaging::plan(&desired, &observed))
}

/// Loaded keys by pod.
async fn reports(peers: &Peers) -> Result<BTreeMap<String, std::collections::BTreeSet<String>>, String> {
    let jetstream = peers.jetstream().await?;
    let reports = messaging::adoption(&jetstream).await.map_err(|error| chain(&error))?;
    let by_pod =
        reports.into_iter().filter_map(|(key, kids)| Some((key.split_once('.')?.1.to_owned(), kids)));
    Ok(by_pod.collect())
}

async fn outages(peers: &Peers) -> Result<Vec<Outage>, String> {
    let jetstream = peers.jetstream().await?;
    messaging::outages(&jetstream).await.map_err(|error| chain(&error))
}

async fn patiently<T>(question: impl Future<Output = Result<T, String>>) -> Seen<T> {
    match tokio::time::timeout(PATIENCE, question).await {
        Ok(Ok(answer)) => Seen::Known(answer),
        Ok(Err(problem)) => Seen::Unreachable(problem),
        Err(_) => Seen::Unreachable(format!("no answer within {} s", PATIENCE.as_secs())),
    }
}

/// A pod of the former revision would do: it has the data, too.
fn has_ready_pod(platform: &Platform, server: &str, live: &Live) -> bool {
    let set = live.raw(Kind::StatefulSet, &platform.object_name(server));
    set.is_some_and(|set| set["status"]["readyReplicas"].as_i64().unwrap_or(0) > 0)
}

/// Pods of services that take traffic.
fn ready_pods(platform: &Platform, live: &Live) -> Vec<String> {
    let of_a_service = |pod: &Pod| {
        let component = pod.labels().get(LABEL_COMPONENT);
        component.is_some_and(|name| platform.services.iter().any(|plan| plan.service.name == name))
    };
    let ready = |pod: &Pod| {
        let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
        conditions.is_some_and(|all| all.iter().any(|one| one.type_ == "Ready" && one.status == "True"))
    };
    live.all::<Pod>()
        .filter(|pod| of_a_service(pod) && ready(pod) && pod.metadata.deletion_timestamp.is_none())
        .map(|pod| pod.name_any())
        .collect()
}
