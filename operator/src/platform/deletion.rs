//! What happens when a platform is deleted.
//!
//! Kubernetes itself removes everything that has the platform as its owner, so a platform needs no
//! finalizer, and uninstalling the operator first strands nothing. Only databases on an external server,
//! with the policy `Delete`, are for the operator to drop; such a platform alone has the finalizer.
//! It is taken off after a bounded time even when that server is down, with an event that says what is left.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kube::{
    Api, Resource as _, ResourceExt as _,
    api::{Patch, PatchParams},
    runtime::events::{Event, EventType},
};
use serde_json::{Value, json};

use super::{
    connections::admin_url,
    error_text::chain,
    gather,
    kind::Kind,
    live::Live,
    memory::Administrator,
    reconcile::{Context, ReconcileError},
    resolve::{Platform, PostgresServer},
    servers::database_mark,
};
use crate::{
    api::{ANNOTATION_DROP_FAILING_SINCE, DeletionPolicy, ExternalPostgres, ShopFlowPlatform},
    postgres::{self, Endpoint, Server},
};

/// The finalizer of platforms with something that only the operator can remove.
pub const FINALIZER: &str = "shopflow.dev/external-databases";
/// How long attempts may fail before the databases are left behind.
const LIMIT: SignedDuration = SignedDuration::from_secs(60);
const RETRY: Duration = Duration::from_secs(5);
const ATTEMPT: Duration = Duration::from_secs(20);

/// How far a deletion is.
pub(super) enum Deletion {
    /// Nothing is left for the operator to do.
    Finished,
    /// The databases cannot be dropped yet, and why; it is to be tried again after a while.
    Waiting(String, Duration),
}

/// Sets or takes off the finalizer, as the spec asks for.
pub(super) async fn prepare(
    context: &Context,
    resource: &ShopFlowPlatform,
    platform: &Platform,
) -> Result<(), ReconcileError> {
    let needed = !platform.retain && matches!(platform.postgres, PostgresServer::External { .. });
    let present = resource.finalizers().iter().any(|name| name == FINALIZER);
    if needed == present || platform.suspended {
        return Ok(());
    }
    set(context, resource, needed).await
}

/// Drops what is the platform's own on an external server if the spec as it is now says so, and lets the
/// resource go.
pub(super) async fn finish(
    context: &Context,
    resource: &ShopFlowPlatform,
    now: Timestamp,
) -> Result<Deletion, ReconcileError> {
    if !resource.finalizers().iter().any(|name| name == FINALIZER) {
        return Ok(Deletion::Finished);
    }
    match to_drop(resource) {
        None => {
            publish(
                context,
                resource,
                EventType::Normal,
                "DatabasesKept",
                "the spec does not ask for their end",
            )
            .await
        }
        Some(server) => {
            let attempt = tokio::time::timeout(ATTEMPT, drop_databases(context, resource, server)).await;
            let result = attempt.unwrap_or_else(|_| Err(format!("no answer within {} s", ATTEMPT.as_secs())));
            if let Err(problem) = result {
                let failing_since = failing_since(resource);
                if failing_since.is_none_or(|since| now.duration_since(since) < LIMIT) {
                    if failing_since.is_none() {
                        patch(
                            context,
                            resource,
                            json!({"annotations": {ANNOTATION_DROP_FAILING_SINCE: now.to_string()}}),
                        )
                        .await?;
                    }
                    tracing::warn!(problem, "databases cannot be dropped yet");
                    return Ok(Deletion::Waiting(problem, RETRY));
                }
                publish(context, resource, EventType::Warning, "DatabasesLeft", &problem).await;
            }
        }
    }
    set(context, resource, false).await?;
    Ok(Deletion::Finished)
}

/// The server whose databases are dropped: what the spec says at the end counts, not what it said when the
/// finalizer was set.
fn to_drop(resource: &ShopFlowPlatform) -> Option<&ExternalPostgres> {
    let spec = &resource.spec;
    let asked_for = spec.deletion_policy == Some(DeletionPolicy::Delete) && !spec.suspend;
    spec.postgres.as_ref()?.external.as_ref().filter(|_| asked_for)
}

/// Since when attempts fail. The time of the deletion would not do: the operator may have been away since.
fn failing_since(resource: &ShopFlowPlatform) -> Option<Timestamp> {
    resource.annotations().get(ANNOTATION_DROP_FAILING_SINCE)?.parse().ok()
}

/// Needs the administrator's Secret and nothing else: the platform's own Secrets may be gone by now.
async fn drop_databases(
    context: &Context,
    resource: &ShopFlowPlatform,
    server: &ExternalPostgres,
) -> Result<(), String> {
    let namespace = resource.namespace().unwrap_or_default();
    let admin_secret = &server.admin_secret.name;
    let mut live = Live::default();
    let secret = gather::secret_by_name(&context.client, &namespace, admin_secret.clone())
        .await
        .map_err(|error| chain(&error))?;
    if let Some(secret) = secret {
        live.insert(Kind::Secret, serde_json::to_value(secret).map_err(|error| chain(&error))?);
    }
    let administrator = Administrator::external(&live, admin_secret).map_err(|error| error.to_string())?;
    let endpoint = Endpoint {
        host: server.host.clone(),
        port: server.port(),
        sslmode: server.tls().sslmode().to_owned(),
    };
    let server = Server::new(&admin_url(&endpoint, &administrator)).map_err(|error| chain(&error))?;
    let owned = postgres::owned(&server, &database_mark(&namespace, &resource.name_any()))
        .await
        .map_err(|error| chain(&error))?;
    let statements = postgres::deletion(DeletionPolicy::Delete, &owned);
    context.connections.forget(&namespace, &resource.name_any());
    let limit = context.leadership.proof().await.map_err(|error| chain(&error))?;
    context.metrics.outside_writes("postgres", statements.len());
    match tokio::time::timeout(limit, postgres::apply(&server, &statements)).await {
        Ok(result) => result.map_err(|error| chain(&error)),
        Err(_) => Err(format!("not done within {} s", limit.as_secs())),
    }
}

async fn set(context: &Context, resource: &ShopFlowPlatform, present: bool) -> Result<(), ReconcileError> {
    let mut finalizers: Vec<&str> = resource.finalizers().iter().map(String::as_str).collect();
    finalizers.retain(|name| *name != FINALIZER);
    if present {
        finalizers.push(FINALIZER);
    }
    patch(context, resource, json!({"finalizers": finalizers})).await
}

/// Patches the metadata; with the version, so that a finalizer of others is never lost.
async fn patch(
    context: &Context,
    resource: &ShopFlowPlatform,
    mut metadata: Value,
) -> Result<(), ReconcileError> {
    metadata["resourceVersion"] = json!(resource.metadata.resource_version);
    let api: Api<ShopFlowPlatform> =
        Api::namespaced(context.client.clone(), &resource.namespace().unwrap_or_default());
    let patch = Patch::Merge(json!({"metadata": metadata}));
    let patched = api.patch(&resource.name_any(), &PatchParams::default(), &patch).await;
    patched.map(drop).map_err(ReconcileError::Finalizer)
}

async fn publish(context: &Context, resource: &ShopFlowPlatform, type_: EventType, reason: &str, why: &str) {
    let names: Vec<&str> =
        topology::SERVICES.iter().filter(|service| service.database).map(|service| service.name).collect();
    let event = Event {
        type_,
        reason: reason.to_owned(),
        note: Some(format!("databases and roles of {} stay on the external server: {why}", names.join(", "))),
        action: "Deleting".to_owned(),
        secondary: None,
    };
    if let Err(error) = context.recorder.publish(&event, &resource.object_ref(&())).await {
        tracing::warn!(error = %error, "an event could not be published");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::resolve::tests::resource;

    #[test]
    fn databases_are_dropped_only_when_the_spec_says_so_at_the_end() {
        const SERVER: &str = "postgres: {external: {host: db, adminSecret: {name: s}}}";
        for (spec, dropped) in [
            (format!("deletionPolicy: Delete\n{SERVER}"), true),
            (format!("deletionPolicy: Retain\n{SERVER}"), false),
            (SERVER.to_owned(), false),
            (format!("deletionPolicy: Delete\nsuspend: true\n{SERVER}"), false),
            ("deletionPolicy: Delete".to_owned(), false),
        ] {
            assert_eq!(to_drop(&resource(&spec)).is_some(), dropped, "{spec}");
        }
    }
}
