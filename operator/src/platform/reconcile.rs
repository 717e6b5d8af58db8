//! One reconcile: the five steps in their order.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use kube::{
    Api, Client, Resource as _, ResourceExt as _,
    api::{Patch, PatchParams},
    runtime::events::{Event, EventType, Recorder},
};

use super::{
    apply::{self, Applied, ApplyError, Mode, Writer},
    build,
    connections::Connections,
    gather::{self, GatherError, Gathered},
    keys::{self, Keys},
    leadership::Leadership,
    memory::{self, Secrets},
    report::{self, Findings, Transition, Trouble},
    resolve::{self, Platform, Release},
    servers::{self, Servers, chain},
};
use crate::{
    api::{ConditionType, FIELD_MANAGER, PlatformStatus, ShopFlowPlatform, reason},
    metrics::Metrics,
};

/// PostgreSQL and NATS cannot be watched; they are looked at this often.
pub const RESYNC: Duration = Duration::from_secs(30);
/// Shortest time to the next reconcile when something is due.
const SOON: Duration = Duration::from_millis(500);
/// A server that does not answer yet is asked again after this time.
const RETRY: Duration = Duration::from_secs(3);

/// What every reconcile needs.
pub struct Context {
    /// Kubernetes.
    pub client: Client,
    /// What is counted.
    pub metrics: Metrics,
    /// The release that this operator brings.
    pub release: Release,
    /// PostgreSQL and NATS.
    pub connections: Connections,
    /// Whether this operator may write.
    pub leadership: Leadership,
    /// Events.
    pub recorder: Recorder,
}

/// A reconcile ended before its end, and is tried again.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// The API server did not answer a question.
    #[error(transparent)]
    Gather(#[from] GatherError),
    /// Not everything was applied.
    #[error("not everything could be applied: {0}")]
    Apply(String),
    /// The status could not be written.
    #[error("cannot write the status")]
    Status(#[source] kube::Error),
    /// It took too long.
    #[error("no end within {0:?}")]
    TimedOut(Duration),
}

/// What the steps came to; whatever they did not reach is absent.
#[derive(Debug, Default)]
struct Walk {
    platform: Option<Platform>,
    servers: Option<Servers>,
    keys: Option<Keys>,
    applied: Option<Applied>,
    trouble: Option<Trouble>,
    /// The trouble may pass by itself.
    error: Option<String>,
}

/// Brings one platform to what is declared, as far as that is possible now; says when to look again.
pub async fn reconcile(context: &Context, namespace: &str, name: &str) -> Result<Duration, ReconcileError> {
    let Some(mut gathered) = gather::gather(&context.client, namespace, name).await? else {
        context.connections.forget(namespace, name);
        context.metrics.forget(namespace, name);
        return Ok(RESYNC);
    };
    if gathered.resource.metadata.deletion_timestamp.is_some() {
        return super::deletion::finish(context, &gathered).await;
    }
    let now = Timestamp::now();
    let walk = walk(context, &mut gathered, now).await?;
    report(context, &gathered.resource, &walk, now).await?;
    match walk.error {
        Some(error) => Err(ReconcileError::Apply(error)),
        None => Ok(pause(&walk, now)),
    }
}

/// Resolve, build, apply. Trouble ends the walk and is part of what it came to.
async fn walk(context: &Context, gathered: &mut Gathered, now: Timestamp) -> Result<Walk, ReconcileError> {
    let mut walk = Walk::default();
    if let Some(older) = &gathered.older {
        walk.trouble = Some(person(reason::NAME_CONFLICT, taken(older)));
        return Ok(walk);
    }
    let platform = match resolve::resolve(&gathered.resource, &context.release) {
        Ok(platform) => platform,
        Err(error) => {
            walk.trouble = Some(person(error.reason(), error.to_string()));
            return Ok(walk);
        }
    };
    gather::foreign_secrets(&context.client, &platform, &mut gathered.live).await?;
    super::deletion::prepare(context, gathered, &platform).await?;
    let platform = &*walk.platform.insert(platform);
    let policy = keys::policy_of(platform);
    let memory = match memory::recall(gathered, platform, policy, now) {
        Ok(memory) => memory,
        Err(error) => {
            walk.trouble = Some(person(error.reason(), error.to_string()));
            return Ok(walk);
        }
    };
    let live = &gathered.live;
    let servers = walk.servers.insert(servers::observe(&context.connections, platform, &memory, live).await);
    let secrets = Secrets { live, platform };
    let keys = match keys::advance(platform, &memory, &secrets, servers.adoption.clone(), now) {
        Ok(keys) => walk.keys.insert(keys),
        Err(error) => {
            walk.trouble = Some(person(reason::SECRET_UNREADABLE, chain(&error)));
            return Ok(walk);
        }
    };
    let desired = match build::build(platform, &memory, keys, servers, live) {
        Ok(desired) => desired,
        Err(error) => {
            walk.trouble = Some(person(reason::OVERRIDE_REFUSED, chain(&error)));
            return Ok(walk);
        }
    };
    let mode = if platform.suspended { Mode::Pretend } else { Mode::Write };
    let writer = Writer::new(&context.client, &context.metrics, platform, live.clone(), mode);
    let peers = context.connections.peers(platform, &memory);
    match apply::apply(writer, desired, &peers, &context.leadership).await {
        Ok(applied) => walk.applied = Some(applied),
        Err(error) => explain(&error, &mut walk),
    }
    Ok(walk)
}

fn explain(error: &ApplyError, walk: &mut Walk) {
    let message = chain(error);
    let (reason, needs_a_person) = match error {
        ApplyError::Write(error) => (error.reason(), error.is_final()),
        ApplyError::NotLeading(_) => (reason::API_ERROR, false),
    };
    walk.error = Some(message.clone());
    walk.trouble = Some(Trouble { reason, message, needs_a_person });
}

/// Services are found by their plain names, which are the namespace's.
fn taken(older: &str) -> String {
    format!(
        "the platform {older} holds the names of the services in this namespace: use another namespace, or delete {older}"
    )
}

fn person(reason: &'static str, message: String) -> Trouble {
    Trouble { reason, message, needs_a_person: true }
}

/// Fifth step, with its two writes: the status where it differs, and an event for each transition.
async fn report(
    context: &Context,
    resource: &ShopFlowPlatform,
    walk: &Walk,
    now: Timestamp,
) -> Result<(), ReconcileError> {
    let findings = Findings {
        platform: walk.platform.as_ref(),
        servers: walk.servers.as_ref(),
        keys: walk.keys.as_ref(),
        applied: walk.applied.as_ref(),
        trouble: walk.trouble.as_ref(),
    };
    let (status, transitions) = report::status(resource, findings, now);
    measure(context, resource, walk, &status);
    let Some(patch) = report::status_patch(resource.status.as_ref(), &status) else {
        return Ok(());
    };
    let namespace = resource.namespace().unwrap_or_default();
    let api: Api<ShopFlowPlatform> = Api::namespaced(context.client.clone(), &namespace);
    let parameters = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    api.patch_status(&resource.name_any(), &parameters, &Patch::Merge(patch))
        .await
        .map_err(ReconcileError::Status)?;
    for transition in transitions {
        publish(context, resource, &transition).await;
    }
    Ok(())
}

fn measure(context: &Context, resource: &ShopFlowPlatform, walk: &Walk, status: &PlatformStatus) {
    let namespace = resource.namespace().unwrap_or_default();
    let ready = status.condition(ConditionType::Ready).is_some_and(|condition| condition.status == "True");
    let rotation = walk.keys.as_ref().map(|keys| keys.next_rotation.as_second());
    let renewal = walk.keys.as_ref().and_then(|keys| keys.next_renewal).map(Timestamp::as_second);
    context.metrics.platform((&namespace, &resource.name_any()), ready, rotation, renewal);
}

/// Events are for people who look later; that one is lost hinders nothing.
async fn publish(context: &Context, resource: &ShopFlowPlatform, transition: &Transition) {
    let Transition { type_, outcome } = transition;
    let bad = match type_ {
        ConditionType::Stalled => outcome.is_true(),
        ConditionType::MigrationsReady => outcome.reason == reason::MIGRATION_FAILED,
        _ => false,
    };
    let event = Event {
        type_: if bad { EventType::Warning } else { EventType::Normal },
        reason: outcome.reason.to_owned(),
        note: Some(format!("{} is {}: {}", type_.name(), outcome.status_text(), outcome.message)),
        action: type_.name().to_owned(),
        secondary: None,
    };
    if let Err(error) = context.recorder.publish(&event, &resource.object_ref(&())).await {
        tracing::warn!(error = %error, "an event could not be published");
    }
}

/// When to look again, if nothing changes before.
fn pause(walk: &Walk, now: Timestamp) -> Duration {
    let outside = walk.applied.as_ref().is_some_and(|applied| {
        matches!(applied.database, apply::Outside::Changed(_))
            || matches!(applied.messaging, apply::Outside::Changed(_))
    });
    let suspended = walk.platform.as_ref().is_some_and(|platform| platform.suspended);
    if outside && !suspended {
        return SOON;
    }
    let silent = walk.servers.as_ref().is_some_and(|servers| {
        matches!(servers.database, servers::Seen::Unreachable(_))
            || matches!(servers.messaging, servers::Seen::Unreachable(_))
    });
    let limit = if silent || awaiting(walk) { RETRY } else { RESYNC };
    // What is due already and was not done now is held up by something else.
    let due = walk.keys.as_ref().map(|keys| keys.next_change).filter(|at| *at > now);
    due.map_or(limit, |at| until(at, now).clamp(SOON, limit))
}

/// Pods report in their own time; a rotation should not wait for the next look.
fn awaiting(walk: &Walk) -> bool {
    walk.keys
        .as_ref()
        .is_some_and(|keys| keys.keyring.keys().iter().any(|key| key.state == crate::keys::State::Pending))
}

fn until(at: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(at.duration_since(now).max(SignedDuration::ZERO)).unwrap_or(RESYNC)
}

/// The steps with a time limit: a client that retries may otherwise hold a platform up for minutes.
pub async fn within(
    context: Arc<Context>,
    limit: Duration,
    namespace: String,
    name: String,
) -> Result<Duration, ReconcileError> {
    match tokio::time::timeout(limit, reconcile(&context, &namespace, &name)).await {
        Ok(result) => result,
        Err(_) => Err(ReconcileError::TimedOut(limit)),
    }
}
