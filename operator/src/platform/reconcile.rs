//! One reconcile: the six steps in their order.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use kube::{
    Api, Client, Resource as _, ResourceExt as _,
    api::{Patch, PatchParams},
    runtime::events::{Event, EventType, Recorder},
};

use super::{
    apply::{self, Applied, Mode, Writer},
    build,
    connections::Connections,
    deletion::{self, Deletion},
    error_text::chain,
    failure::Failure,
    gather::{self, GatherError, Gathered},
    keys::{self, Keys},
    leadership::Leadership,
    memory::{self, Secrets},
    report::{self, Findings, Transition},
    resolve::{self, Platform, Release},
    servers::{self, Servers},
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
/// What is on its way is looked at this often.
const PROGRESS: Duration = Duration::from_secs(5);
/// Longest time for everything but the status, which is written in any case.
const STEPS: Duration = Duration::from_secs(100);

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

impl Context {
    /// Closes and forgets what a platform that is gone has left here.
    pub(super) fn forget(&self, namespace: &str, name: &str) {
        self.connections.forget(namespace, name);
        self.metrics.forget(namespace, name);
    }
}

/// A reconcile ended before its end, and is tried again.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// The API server did not answer a question.
    #[error(transparent)]
    Gather(#[from] GatherError),
    /// Some part may be as declared after another try.
    #[error("not everything is as declared: {0}")]
    Incomplete(String),
    /// Another operator leads; this one says nothing more about the platform.
    #[error("another operator leads")]
    Deposed,
    /// The status could not be written.
    #[error("cannot write the status")]
    Status(#[source] kube::Error),
    /// The finalizer could not be changed.
    #[error("cannot change the finalizers")]
    Finalizer(#[source] kube::Error),
    /// It took too long.
    #[error("no end within {0:?}")]
    TimedOut(Duration),
}

/// When a platform is looked at again, if nothing changes before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Next {
    /// After this time.
    pub after: Duration,
    /// Something outside Kubernetes was changed just now. What has to be changed again and again is looked at
    /// more and more seldom.
    pub repaired: bool,
}

impl Next {
    const fn after(after: Duration) -> Self {
        Self { after, repaired: false }
    }
}

/// What the steps came to; whatever they did not reach is absent.
#[derive(Debug, Default)]
struct Outcome {
    platform: Option<Platform>,
    servers: Option<Servers>,
    keys: Option<Keys>,
    applied: Option<Applied>,
    failures: Vec<Failure>,
    /// When calls between services begin to fail, where tokens are not renewed.
    tokens_end: Option<Timestamp>,
}

impl Outcome {
    fn failed(failure: Failure) -> Self {
        Self { failures: vec![failure], ..Self::default() }
    }
}

/// Brings one platform to what is declared, as far as that is possible now; says when to look again. Whatever
/// fails is in the status afterwards.
pub async fn reconcile(context: &Context, namespace: &str, name: &str) -> Result<Next, ReconcileError> {
    let found = match gather::resource(&context.client, namespace, name).await {
        Ok(found) => found,
        Err(error) => {
            // There is nothing to write a status on; the metric at least does not go on saying that all is well.
            context.metrics.platform((namespace, name), false, None, None);
            return Err(error.into());
        }
    };
    let Some((resource, older)) = found else {
        context.forget(namespace, name);
        return Ok(Next::after(RESYNC));
    };
    let now = Timestamp::now();
    if resource.metadata.deletion_timestamp.is_some() {
        return delete(context, &resource, now).await;
    }
    let steps = Box::pin(steps(context, &resource, older, now));
    let outcome = tokio::time::timeout(STEPS, steps).await.unwrap_or_else(|_| {
        let message = format!("not everything was looked at within {} s", STEPS.as_secs());
        Outcome::failed(Failure::transient(reason::TIMED_OUT, message))
    });
    if outcome.applied.as_ref().is_some_and(Applied::deposed) {
        return Err(ReconcileError::Deposed);
    }
    let status = report(context, &resource, &outcome, now).await?;
    match outcome.failures.iter().find(|failure| !failure.terminal) {
        Some(failure) => Err(ReconcileError::Incomplete(failure.message.clone())),
        None => Ok(next(&outcome, &status, now)),
    }
}

/// Does what is the operator's part of a deletion, and says what holds it up.
async fn delete(
    context: &Context,
    resource: &ShopFlowPlatform,
    now: Timestamp,
) -> Result<Next, ReconcileError> {
    match deletion::finish(context, resource, now).await? {
        Deletion::Finished => Ok(Next::after(RESYNC)),
        Deletion::Waiting(problem, pause) => {
            let message = format!("the databases on the external server cannot be dropped yet: {problem}");
            let outcome = Outcome::failed(Failure::transient(reason::DELETING, message));
            report(context, resource, &outcome, now).await?;
            Ok(Next::after(pause))
        }
    }
}

/// Gather, resolve, secure, build, apply. A failure of one part ends nothing that can go on without it; above
/// all, keys and tokens are kept alive whatever else is wrong.
async fn steps(
    context: &Context,
    resource: &ShopFlowPlatform,
    older: Option<String>,
    now: Timestamp,
) -> Outcome {
    if let Some(older) = older {
        return Outcome::failed(Failure::terminal(reason::NAME_CONFLICT, name_conflict(&older)));
    }
    let (namespace, name) = (resource.namespace().unwrap_or_default(), resource.name_any());
    let live = match gather::objects(&context.client, &namespace, &name).await {
        Ok(live) => live,
        Err(error) => return Outcome::failed(error.failure(&namespace, &name)),
    };
    let mut gathered = Gathered { resource: resource.clone(), live };
    let mut outcome = Outcome::default();
    let mut complete = true;
    let platform = match resolve::resolve(resource, &context.release) {
        Ok(platform) => platform,
        Err(error) => {
            outcome.failures.push(Failure::terminal(error.reason(), error.to_string()));
            complete = false;
            match resolve::essential(resource, &context.release) {
                Some(platform) => platform,
                None => return outcome,
            }
        }
    };
    if let Err(error) = gather::named_secrets(&context.client, &platform, &mut gathered.live).await {
        outcome.failures.push(error.failure(&namespace, &name));
        return outcome;
    }
    let notifications = Some(&platform.notifications);
    outcome.failures.extend(gather::forbidden_secrets(&gathered.live, notifications, &namespace, &name));
    if complete && let Err(error) = deletion::prepare(context, resource, &platform).await {
        outcome.failures.push(Failure::transient(reason::API_ERROR, chain(&error)));
    }
    let live = &gathered.live;
    let memory = memory::recall(&gathered, &platform, keys::policy_of(&platform), now);
    let unknown = |error: &memory::Forgotten| Failure::terminal(error.reason(), error.to_string());
    outcome.failures.extend(memory.unknown.iter().map(unknown));
    let servers = servers::observe(&context.connections, &platform, &memory, live).await;
    let secrets = Secrets { live, platform: &platform };
    let keys = match keys::advance(&platform, &memory, &secrets, servers.adoption.clone(), now) {
        Ok(keys) => keys,
        Err(error) => {
            outcome.failures.push(Failure::terminal(reason::SECRET_UNREADABLE, chain(&error)));
            None
        }
    };
    if platform.suspended || keys.is_none() {
        outcome.tokens_end = keys::tokens_end(&platform, &secrets);
    }
    let desired = match complete.then(|| build::build(&platform, &memory, keys.as_ref(), &servers, live)) {
        Some(Ok(desired)) => Some(desired),
        Some(Err(error)) => {
            outcome.failures.push(Failure::terminal(reason::OVERRIDE_REFUSED, chain(&error)));
            complete = false;
            keys.as_ref().map(|keys| build::secured(&platform, &memory, keys, live))
        }
        None => keys.as_ref().map(|keys| build::secured(&platform, &memory, keys, live)),
    };
    if let Some(desired) = desired {
        let mode = if platform.suspended { Mode::Pretend } else { Mode::Write };
        let Context { client, metrics, leadership, .. } = context;
        let writer = Writer::new(client, metrics, leadership, &platform, live.clone(), mode);
        let applied = apply::apply(writer, desired, &context.connections.peers(&platform, &memory)).await;
        outcome.failures.extend(applied.errors.iter().map(apply::WriteError::failure));
        outcome.applied = Some(applied);
    }
    // Where the spec is impossible, nothing can be said of what it asks for.
    outcome.platform = complete.then_some(platform);
    outcome.servers = Some(servers);
    outcome.keys = keys;
    outcome
}

/// Services are found by their plain names, which are the namespace's.
fn name_conflict(older: &str) -> String {
    format!(
        "the platform {older} holds the names of the services in this namespace: use another namespace, or delete {older}"
    )
}

/// Last step, with its two writes: the status where it differs, and an event for each transition.
async fn report(
    context: &Context,
    resource: &ShopFlowPlatform,
    outcome: &Outcome,
    now: Timestamp,
) -> Result<PlatformStatus, ReconcileError> {
    let findings = Findings {
        platform: outcome.platform.as_ref(),
        servers: outcome.servers.as_ref(),
        keys: outcome.keys.as_ref(),
        applied: outcome.applied.as_ref(),
        failures: &outcome.failures,
        tokens_end: outcome.tokens_end,
    };
    let (status, transitions) = report::status(resource, findings, now);
    measure(context, resource, outcome, &status);
    let Some(patch) = report::status_patch(resource.status.as_ref(), &status) else {
        return Ok(status);
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
    Ok(status)
}

fn measure(context: &Context, resource: &ShopFlowPlatform, outcome: &Outcome, status: &PlatformStatus) {
    let namespace = resource.namespace().unwrap_or_default();
    let ready = holds(status, ConditionType::Ready);
    let rotation = outcome.keys.as_ref().map(|keys| keys.next_rotation.as_second());
    let renewal = outcome.keys.as_ref().and_then(|keys| keys.next_renewal).map(Timestamp::as_second);
    context.metrics.platform((&namespace, &resource.name_any()), ready, rotation, renewal);
}

fn holds(status: &PlatformStatus, type_: ConditionType) -> bool {
    status.condition(type_).is_some_and(|condition| condition.status == "True")
}

/// Events are for people who look later; that one is lost hinders nothing.
async fn publish(context: &Context, resource: &ShopFlowPlatform, transition: &Transition) {
    let Transition { type_, outcome } = transition;
    let event = Event {
        type_: if transition.is_warning() { EventType::Warning } else { EventType::Normal },
        reason: outcome.reason.to_owned(),
        note: Some(transition.note()),
        action: type_.name().to_owned(),
        secondary: None,
    };
    if let Err(error) = context.recorder.publish(&event, &resource.object_ref(&())).await {
        tracing::warn!(error = %error, "an event could not be published");
    }
}

/// When to look again, if nothing changes before.
fn next(outcome: &Outcome, status: &PlatformStatus, now: Timestamp) -> Next {
    let suspended = outcome.platform.as_ref().is_some_and(|platform| platform.suspended);
    let changed = |outside: &apply::Outside| matches!(outside, apply::Outside::Changed(_));
    let repaired = outcome
        .applied
        .as_ref()
        .is_some_and(|applied| changed(&applied.database) || changed(&applied.messaging));
    if repaired && !suspended {
        return Next { after: SOON, repaired: true };
    }
    let limit = if awaiting(outcome) || unreachable(outcome) {
        RETRY
    } else if holds(status, ConditionType::Reconciling) {
        // Why a volume cannot be mounted changes nothing that is watched.
        PROGRESS
    } else {
        RESYNC
    };
    // What is due already and was not done now is held up by something else.
    let due = outcome.keys.as_ref().map(|keys| keys.next_change).filter(|at| *at > now);
    Next::after(due.map_or(limit, |at| until(at, now).clamp(SOON, limit)))
}

fn unreachable(outcome: &Outcome) -> bool {
    outcome.servers.as_ref().is_some_and(|servers| {
        matches!(servers.database, servers::Seen::Unreachable(_))
            || matches!(servers.messaging, servers::Seen::Unreachable(_))
    })
}

/// Pods report in their own time; a rotation should not wait for the next look.
fn awaiting(outcome: &Outcome) -> bool {
    outcome
        .keys
        .as_ref()
        .is_some_and(|keys| keys.keyring.keys().iter().any(|key| key.state == crate::keys::State::Pending))
}

fn until(at: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(at.duration_since(now).max(SignedDuration::ZERO)).unwrap_or(RESYNC)
}

/// All of it with a time limit: a client that retries may otherwise hold a platform up for minutes.
pub async fn within(
    context: Arc<Context>,
    limit: Duration,
    namespace: String,
    name: String,
) -> Result<Next, ReconcileError> {
    match tokio::time::timeout(limit, reconcile(&context, &namespace, &name)).await {
        Ok(result) => result,
        Err(_) => Err(ReconcileError::TimedOut(limit)),
    }
}
