//! The parts of a platform, each in the words of the status.

use protocol::settings::CLIENTS_PER_UNDECLARED_ADDRESS;
use serde_json::Value;

use crate::{
    api::{
        DatabaseStatus, KeyStatus, Outcome, PlatformStatus, ServiceStatus, ServiceTokensStatus, StreamStatus,
        reason,
    },
    keys::{Adoption, Key, State},
    messaging::{Action, Conflict, Plan},
    platform::{
        apply::{Applied, Outside},
        build::{Migration, migration_component},
        keys::Keys,
        kind::Kind,
        pods,
        resolve::{NatsServer, Platform, PostgresServer, ServicePlan},
        servers::{Seen, Servers},
    },
    postgres,
};

/// Longest list of names in a message.
const NAMES: usize = 5;

/// The services, by their Deployments.
pub(super) fn services(platform: &Platform, applied: &Applied) -> Vec<ServiceStatus> {
    let of = |plan| service(platform, plan, applied);
    platform.services.iter().map(of).collect()
}

fn service(platform: &Platform, plan: &ServicePlan, applied: &Applied) -> ServiceStatus {
    let deployment = applied.live.raw(Kind::Deployment, &platform.object_name(plan.service.name));
    let number = |path: &str| -> i64 {
        deployment.and_then(|object| object.pointer(path)).and_then(Value::as_i64).unwrap_or(0)
    };
    let image =
        deployment.and_then(|object| object.pointer("/spec/template/spec/containers/0/image")?.as_str());
    // An older generation's pods are ready, but not as declared.
    let current =
        deployment.is_some() && number("/status/observedGeneration") >= number("/metadata/generation");
    let former = number("/status/replicas") - number("/status/updatedReplicas");
    let settled = current && former == 0;
    // Those of the former revision are ready too, and go only after the new ones are.
    let ready = if current { (number("/status/readyReplicas") - former).max(0) } else { 0 };
    let ready = i32::try_from(ready).unwrap_or(i32::MAX);
    let reason = match deployment {
        None => Some("the service waits for its database and migration".to_owned()),
        Some(_) if ready >= plan.replicas && settled => None,
        Some(_) if number("/spec/replicas") != i64::from(plan.replicas) => {
            Some("the number of pods is not changed yet".to_owned())
        }
        Some(object) => Some(why_not(object, pods::failing(&applied.live, plan.service.name))),
    };
    ServiceStatus {
        name: plan.service.name.to_owned(),
        ready,
        desired: plan.replicas,
        image: image.unwrap_or(&plan.image).to_owned(),
        reason,
    }
}

fn why_not(deployment: &Value, pod: Option<String>) -> String {
    let conditions = deployment["status"]["conditions"].as_array();
    let stuck = conditions.and_then(|all| {
        let bad = |one: &&Value| {
            (one["type"] == "ReplicaFailure" && one["status"] == "True")
                || (one["type"] == "Progressing" && one["status"] == "False")
        };
        all.iter().find(bad)?["message"].as_str()
    });
    pod.or_else(|| stuck.map(str::to_owned)).unwrap_or_else(|| "pods are starting".to_owned())
}

/// `3/4`.
pub(super) fn services_ready(services: &[ServiceStatus]) -> String {
    let ready = services.iter().filter(|service| service.reason.is_none()).count();
    format!("{ready}/{}", services.len())
}

pub(super) fn services_condition(services: &[ServiceStatus]) -> Outcome {
    let waiting: Vec<&ServiceStatus> = services.iter().filter(|service| service.reason.is_some()).collect();
    if waiting.is_empty() {
        return Outcome::yes(reason::CONVERGED, "every service has its pods");
    }
    let list = waiting.iter().map(|service| {
        format!(
            "{} {}/{}: {}",
            service.name,
            service.ready,
            service.desired,
            service.reason.as_deref().unwrap_or_default()
        )
    });
    let failing =
        waiting.iter().any(|service| service.reason.as_ref().is_some_and(|why| why.starts_with("pod ")));
    let reason = if failing { reason::POD_FAILING } else { reason::PODS_NOT_READY };
    Outcome::no(reason, list.collect::<Vec<_>>().join("; "))
}

/// Databases and streams, as far as they could be seen.
pub(super) fn servers(servers: &Servers, status: &mut PlatformStatus) {
    if let Seen::Known(plans) = &servers.database {
        status.databases = plans
            .keys()
            .map(|name| DatabaseStatus {
                name: name.clone(),
                ready: servers.database_ready(name),
                identity: servers.identities.get(name).cloned(),
            })
            .collect();
    }
    if let Seen::Known(plan) = &servers.messaging {
        status.streams = topology::STREAMS.iter().map(|stream| stream_status(stream, plan)).collect();
    }
}

fn stream_status(stream: &topology::Stream, plan: &Plan) -> StreamStatus {
    let consumers = topology::SERVICES.iter().flat_map(|service| service.consumers);
    StreamStatus {
        name: stream.name.to_owned(),
        ready: !concerns(plan, stream.name),
        consumers: consumers
            .filter(|consumer| consumer.stream == stream.name)
            .count()
            .try_into()
            .unwrap_or(i32::MAX),
    }
}

/// Whether anything is to be done, or cannot be done, about a stream or its consumers.
fn concerns(plan: &Plan, name: &str) -> bool {
    let about = |action: &Action| match action {
        Action::CreateStream(config) | Action::UpdateStream(config) => config.name == name,
        Action::CreateConsumer { stream, .. }
        | Action::UpdateConsumer { stream, .. }
        | Action::DeleteConsumer { stream, .. } => stream == name,
    };
    let named = |conflict: &Conflict| conflict.object.split([' ', '/']).nth(1) == Some(name);
    plan.actions.iter().any(about) || plan.conflicts.iter().any(named)
}

/// Why the pod of a managed server is not as declared; `None` when it is, or when there is none of our own.
fn rollout(platform: Option<&Platform>, part: &str, applied: Option<&Applied>) -> Option<Outcome> {
    let (platform, applied) = (platform?, applied?);
    let managed = match part {
        POSTGRES => matches!(platform.postgres, PostgresServer::Managed { .. }),
        _ => matches!(platform.nats, NatsServer::Managed { .. }),
    };
    let set = applied.live.raw(Kind::StatefulSet, &platform.object_name(part)).filter(|_| managed)?;
    let number = |path: &str| set.pointer(path).and_then(Value::as_i64).unwrap_or(0);
    let declared = number("/spec/replicas");
    let current = number("/status/observedGeneration") >= number("/metadata/generation");
    let rolled = number("/status/updatedReplicas") >= declared && number("/status/readyReplicas") >= declared;
    (!current || !rolled).then(|| starting(part, Some(applied)))
}

const POSTGRES: &str = "postgres";
const NATS: &str = "nats";

fn starting(part: &str, applied: Option<&Applied>) -> Outcome {
    let name = if part == POSTGRES { "PostgreSQL" } else { "NATS" };
    match applied.and_then(|applied| pods::failing(&applied.live, part)) {
        Some(why) => Outcome::no(reason::POD_FAILING, format!("{name}: {why}")),
        None => Outcome::no(reason::STARTING, format!("{name}'s pod is not ready as declared yet")),
    }
}

pub(super) fn databases_ready(
    platform: Option<&Platform>,
    servers: &Servers,
    applied: Option<&Applied>,
) -> Outcome {
    let conflict = || match &servers.database {
        Seen::Known(plans) => plans.values().flat_map(|plan| &plan.conflicts).next(),
        Seen::Starting | Seen::Unreachable(_) => None,
    };
    if let Some(rollout) = rollout(platform, POSTGRES, applied) {
        return rollout;
    }
    match (&servers.database, applied.map(|applied| &applied.database)) {
        (Seen::Starting, _) => starting(POSTGRES, applied),
        (Seen::Unreachable(problem), _) => Outcome::no(reason::UNREACHABLE, format!("PostgreSQL: {problem}")),
        (_, Some(Outside::Refused(problem))) => {
            Outcome::no(reason::REFUSED, format!("PostgreSQL: {problem}"))
        }
        _ if conflict().is_some() => conflict().map_or_else(
            || Outcome::unknown(reason::NOT_OBSERVED, ""),
            |conflict| Outcome::no(conflict_reason(conflict), conflict.to_string()),
        ),
        (_, Some(Outside::Changed(count))) => {
            Outcome::no(reason::REPAIRING, format!("{count} changes are made in PostgreSQL"))
        }
        _ => Outcome::yes(reason::CONVERGED, "databases, roles and grants are as declared"),
    }
}

const fn conflict_reason(conflict: &postgres::Conflict) -> &'static str {
    match conflict {
        postgres::Conflict::Foreign { .. } => reason::NAME_CONFLICT,
        postgres::Conflict::Lost { .. } => reason::DATABASE_LOST,
    }
}

pub(super) fn messaging_ready(
    platform: Option<&Platform>,
    servers: &Servers,
    applied: Option<&Applied>,
) -> Outcome {
    let conflict = || match &servers.messaging {
        Seen::Known(plan) => plan.conflicts.first(),
        Seen::Starting | Seen::Unreachable(_) => None,
    };
    if let Some(rollout) = rollout(platform, NATS, applied) {
        return rollout;
    }
    match (&servers.messaging, applied.map(|applied| &applied.messaging)) {
        (Seen::Starting, _) => starting(NATS, applied),
        (Seen::Unreachable(problem), _) => Outcome::no(reason::UNREACHABLE, format!("NATS: {problem}")),
        (_, Some(Outside::Refused(problem))) => Outcome::no(reason::REFUSED, format!("NATS: {problem}")),
        _ if conflict().is_some() => {
            Outcome::no(reason::IMMUTABLE, conflict().map(ToString::to_string).unwrap_or_default())
        }
        (_, Some(Outside::Changed(count))) => {
            Outcome::no(reason::REPAIRING, format!("{count} changes are made in NATS"))
        }
        _ => Outcome::yes(reason::CONVERGED, "streams, consumers and buckets are as declared"),
    }
}

/// What only a person can settle.
pub(super) fn conflict(servers: &Servers) -> Option<Outcome> {
    if let Seen::Known(plans) = &servers.database
        && let Some(conflict) = plans.values().flat_map(|plan| &plan.conflicts).next()
    {
        return Some(Outcome::yes(conflict_reason(conflict), conflict.to_string()));
    }
    let Seen::Known(plan) = &servers.messaging else { return None };
    plan.conflicts.first().map(|conflict| Outcome::yes(reason::IMMUTABLE, conflict.to_string()))
}

/// The keyring, never a private part of it.
pub(super) fn keys(keys: &Keys, status: &mut PlatformStatus) {
    status.active_key = Some(keys.keyring.active().kid.clone());
    status.next_rotation = Some(PlatformStatus::time(keys.next_rotation));
    status.service_tokens =
        keys.next_renewal.map(|at| ServiceTokensStatus { next_renewal: PlatformStatus::time(at) });
    status.keys = keys.keyring.keys().iter().map(|key| key_status(key, keys)).collect();
}

fn key_status(key: &Key, keys: &Keys) -> KeyStatus {
    let since = match key.state {
        State::Pending => key.created_at,
        State::Active => key.activated_at.unwrap_or(key.created_at),
        State::Retiring => key.retired_at.unwrap_or(key.created_at),
    };
    let waiting = keys.adoption.waiting_for(&key.kid);
    let loaded = waiting.as_ref().and_then(|waiting| {
        let Adoption::Known(pods) = &keys.adoption else { return None };
        Some(format!("{}/{}", pods.len() - waiting.len(), pods.len()))
    });
    // Only the next key is waited for; the others need no report.
    let waiting = waiting.filter(|_| key.state == State::Pending).unwrap_or_default();
    KeyStatus {
        id: key.kid.clone(),
        state: key.state.name().to_owned(),
        since: PlatformStatus::time(since),
        loaded: loaded.filter(|_| key.state != State::Retiring),
        waiting_for: waiting.into_iter().take(NAMES).map(str::to_owned).collect(),
    }
}

pub(super) fn keys_ready(keys: &Keys) -> Outcome {
    let pending = keys.keyring.keys().iter().find(|key| key.state == State::Pending);
    let active = &keys.keyring.active().kid;
    match pending.map(|key| (key, keys.adoption.waiting_for(&key.kid))) {
        Some((key, Some(waiting))) if !waiting.is_empty() => {
            let names: Vec<&str> = waiting.iter().copied().take(NAMES).collect();
            Outcome::yes(
                reason::AWAITING_ADOPTION,
                format!("{active} signs; {} waits for {} pods: {}", key.kid, waiting.len(), names.join(", ")),
            )
        }
        Some((key, _)) => Outcome::yes(
            reason::AWAITING_ADOPTION,
            format!("{active} signs; {} is published and will follow", key.kid),
        ),
        None => Outcome::yes(reason::CONVERGED, format!("{active} signs")),
    }
}

pub(super) fn migrations_ready(applied: &Applied) -> Outcome {
    let of = |wanted| applied.migrations.iter().filter(move |(_, _, progress)| *progress == wanted);
    if let Some((service, job, _)) = of(Migration::Failed).next() {
        return Outcome::no(
            reason::MIGRATION_FAILED,
            format!(
                "the migration of {service} failed, and the former release goes on: read `kubectl logs job/{job}`, then delete the Job to try again"
            ),
        );
    }
    let running: Vec<&str> = of(Migration::Running).map(|(service, ..)| *service).collect();
    let failing =
        running.iter().find_map(|service| pods::failing(&applied.live, &migration_component(service)));
    let waiting = format!("waiting for the migration of {}", running.join(", "));
    match failing {
        _ if running.is_empty() => Outcome::yes(reason::CONVERGED, "every migration of this release has run"),
        Some(why) => Outcome::no(reason::POD_FAILING, format!("{waiting}: {why}")),
        None => Outcome::no(reason::MIGRATING, waiting),
    }
}

/// The way in from outside, and whom its rate limits can tell apart.
pub(super) fn edge_ready(platform: Option<&Platform>) -> Outcome {
    const INSIDE: &str = "the platform is reached inside the cluster";
    let undeclared = |platform: &Platform| platform.gateway.section.trusted_proxies.is_none();
    let message = if platform.is_some_and(undeclared) {
        format!(
            "{INSIDE}; rate limits take a private address for up to {CLIENTS_PER_UNDECLARED_ADDRESS} clients: name the proxies in front in spec.gateway.trustedProxies, or set it to [] if there are none"
        )
    } else {
        INSIDE.to_owned()
    };
    Outcome::yes(reason::NOT_DECLARED, message)
}

/// What the declared replicas really protect against.
pub(super) fn durable(platform: &Platform) -> Outcome {
    let postgres = matches!(platform.postgres, PostgresServer::Managed { .. });
    let nats = matches!(platform.nats, NatsServer::Managed { .. });
    match (postgres, nats) {
        (true, _) => Outcome::no(
            reason::SINGLE_SERVER,
            "committed orders survive crashes and restarts, but not the loss of PostgreSQL's one volume: back it up, or use postgres.external",
        ),
        (false, true) => Outcome::yes(
            reason::EXTERNAL,
            "PostgreSQL is as durable as its keeper makes it; events lost with NATS's one volume are sent again from there",
        ),
        (false, false) => {
            Outcome::yes(reason::EXTERNAL, "PostgreSQL and NATS are as durable as their keepers make them")
        }
    }
}
