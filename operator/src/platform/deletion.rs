//! What happens when a platform is deleted.
//!
//! Kubernetes itself removes everything that has the platform as its owner, so a platform needs no
//! finalizer, and uninstalling the operator first strands nothing. Only databases on somebody else's
//! server, with the policy `Delete`, are for the operator to drop; such a platform alone has the finalizer.
//! It is taken off after a bounded time even when that server is down, with an event that says what is left.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kube::{
    Api, Resource as _, ResourceExt as _,
    api::{Patch, PatchParams},
    runtime::events::{Event, EventType},
};
use serde_json::json;

use super::{
    gather::{self, Gathered},
    keys, memory,
    reconcile::{Context, ReconcileError},
    resolve::{self, Platform, PostgresServer},
    servers::{chain, desired_databases},
};
use crate::{
    api::{DeletionPolicy, ShopFlowPlatform},
    postgres,
};

/// The finalizer of platforms with something that only the operator can remove.
pub const FINALIZER: &str = "shopflow.dev/external-databases";
/// How long a server that does not answer may hold a deletion up.
const PATIENCE: SignedDuration = SignedDuration::from_secs(60);
const RETRY: Duration = Duration::from_secs(5);
const ATTEMPT: Duration = Duration::from_secs(20);

/// Sets or takes off the finalizer, as the spec asks for.
pub(super) async fn prepare(
    context: &Context,
    gathered: &Gathered,
    platform: &Platform,
) -> Result<(), ReconcileError> {
    let needed = !platform.retain && matches!(platform.postgres, PostgresServer::External { .. });
    let resource = &gathered.resource;
    let present = resource.finalizers().iter().any(|name| name == FINALIZER);
    if needed == present || platform.suspended {
        return Ok(());
    }
    set(context, resource, needed).await
}

/// Drops what is the platform's own on somebody else's server, and lets the resource go.
pub(super) async fn finish(context: &Context, gathered: &Gathered) -> Result<Duration, ReconcileError> {
    let resource = &gathered.resource;
    if !resource.finalizers().iter().any(|name| name == FINALIZER) {
        return Ok(super::reconcile::RESYNC);
    }
    let attempt = tokio::time::timeout(ATTEMPT, drop_databases(context, gathered)).await;
    let result = attempt.unwrap_or_else(|_| Err(format!("no answer within {} s", ATTEMPT.as_secs())));
    if let Err(problem) = result {
        let since = resource.metadata.deletion_timestamp.as_ref().map(|time| time.0);
        let waited = since.map_or(PATIENCE, |since| Timestamp::now().duration_since(since));
        if waited < PATIENCE {
            tracing::warn!(problem, "databases cannot be dropped yet");
            return Ok(RETRY);
        }
        left_behind(context, resource, &problem).await;
    }
    set(context, resource, false).await?;
    Ok(super::reconcile::RESYNC)
}

async fn drop_databases(context: &Context, gathered: &Gathered) -> Result<(), String> {
    let platform =
        resolve::resolve(&gathered.resource, &context.release).map_err(|error| error.to_string())?;
    let mut gathered = gathered.clone();
    gather::foreign_secrets(&context.client, &platform, &mut gathered.live)
        .await
        .map_err(|error| chain(&error))?;
    let policy = keys::policy_of(&platform);
    let memory =
        memory::recall(&gathered, &platform, policy, Timestamp::now()).map_err(|error| error.to_string())?;
    let server = context.connections.peers(&platform, &memory).postgres()?;
    let desired = desired_databases(&platform, &memory);
    let observed = postgres::observe(&server, &desired).await.map_err(|error| chain(&error))?;
    context.leadership.proof().await.map_err(|error| chain(&error))?;
    server.release(&desired).await;
    let statements = postgres::deletion(DeletionPolicy::Delete, &desired, &observed);
    context.metrics.outside_writes("postgres", statements.len());
    postgres::apply(&server, &statements).await.map_err(|error| chain(&error))
}

async fn set(context: &Context, resource: &ShopFlowPlatform, present: bool) -> Result<(), ReconcileError> {
    let mut finalizers: Vec<&str> = resource.finalizers().iter().map(String::as_str).collect();
    finalizers.retain(|name| *name != FINALIZER);
    if present {
        finalizers.push(FINALIZER);
    }
    // With the version, so that somebody else's finalizer is never lost.
    let patch = json!({"metadata": {"finalizers": finalizers, "resourceVersion": resource.metadata.resource_version}});
    let api: Api<ShopFlowPlatform> =
        Api::namespaced(context.client.clone(), &resource.namespace().unwrap_or_default());
    let patched = api.patch(&resource.name_any(), &PatchParams::default(), &Patch::Merge(patch)).await;
    patched.map(drop).map_err(ReconcileError::Status)
}

async fn left_behind(context: &Context, resource: &ShopFlowPlatform, problem: &str) {
    let names: Vec<&str> =
        topology::SERVICES.iter().filter(|service| service.database).map(|service| service.name).collect();
    let event = Event {
        type_: EventType::Warning,
        reason: "DatabasesLeft".to_owned(),
        note: Some(format!(
            "databases and roles of {} stay on the external server: {problem}",
            names.join(", ")
        )),
        action: "Deleting".to_owned(),
        secondary: None,
    };
    if let Err(error) = context.recorder.publish(&event, &resource.object_ref(&())).await {
        tracing::warn!(error = %error, "an event could not be published");
    }
}
