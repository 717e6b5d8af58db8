//! First step: everything about a platform that the API server knows, read once and afresh.
//!
//! Reads go to the API server, not to a cache: an old answer would have objects written twice, and a
//! missing one would have them made again.

use futures::future::try_join_all;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Event, Pod};
use kube::{
    Api, Client, ResourceExt,
    api::{DynamicObject, ListParams, TypeMeta},
};

use super::{
    error_text::{chain, is_forbidden},
    failure::Failure,
    kind::Kind,
    live::Live,
    pods,
    resolve::{NatsServer, NotificationSettings, Platform, PostgresServer, object_name},
};
use crate::{
    api::{LABEL_INSTANCE, LABEL_MANAGED_BY, LABEL_MANAGED_BY_VALUE, ShopFlowPlatform, reason},
    generated::{OPERATOR, OPERATOR_NAMESPACE},
};

/// Maximum number of pods whose warnings are asked for in one reconcile.
const WARNED_PODS: usize = 10;

/// What the API server knows about a platform.
#[derive(Debug, Clone)]
pub struct Gathered {
    /// The resource.
    pub resource: ShopFlowPlatform,
    /// Its objects, Secrets included.
    pub live: Live,
}

/// The API server did not answer a question.
#[derive(Debug, thiserror::Error)]
pub enum GatherError {
    /// About the resource.
    #[error("cannot read the platform")]
    Resource(#[source] kube::Error),
    /// About a kind of objects.
    #[error("cannot list {0}")]
    List(String, #[source] kube::Error),
    /// About a Secret.
    #[error("cannot read Secret {0}")]
    Secret(String, #[source] kube::Error),
    /// What came back is not JSON.
    #[error("cannot read the answer")]
    Form(#[source] serde_json::Error),
}

impl GatherError {
    /// What to say about it; `namespace` and `platform` are those that were asked about.
    pub(super) fn failure(&self, namespace: &str, platform: &str) -> Failure {
        match self {
            Self::Resource(error) | Self::List(_, error) | Self::Secret(_, error) if is_forbidden(error) => {
                Failure::terminal(
                    reason::FORBIDDEN,
                    format!("{}. {}", chain(self), permit(namespace, platform, &[])),
                )
            }
            _ => Failure::transient(reason::API_ERROR, chain(self)),
        }
    }
}

/// The Secrets that may not be read, if there are any: a part each, so the rest goes on.
pub(super) fn forbidden_secrets(
    live: &Live,
    notifications: Option<&NotificationSettings>,
    namespace: &str,
    platform: &str,
) -> Option<Failure> {
    // Pods mount the credentials of mail and SMS without the operator: that it may not look is no fault.
    let unneeded: Vec<&str> =
        notifications.into_iter().flat_map(NotificationSettings::credentials).map(|(name, _)| name).collect();
    let forbidden: Vec<&str> = live.forbidden().filter(|name| !unneeded.contains(name)).collect();
    if forbidden.is_empty() {
        return None;
    }
    let own: Vec<String> = secret_names(platform).collect();
    let others: Vec<&str> =
        forbidden.iter().copied().filter(|name| !own.iter().any(|own| own == name)).collect();
    let message = format!(
        "the operator may not read Secret {} in namespace {namespace}. {}",
        forbidden.join(", "),
        permit(namespace, platform, &others)
    );
    Some(Failure::terminal(reason::FORBIDDEN, message))
}

/// How the operator gets the permissions that it lacks.
fn permit(namespace: &str, platform: &str, others: &[&str]) -> String {
    let secrets = if others.is_empty() { String::new() } else { format!(" --secrets {}", others.join(",")) };
    format!(
        "Apply what this operator needs there: `kubectl -n {OPERATOR_NAMESPACE} exec deploy/{OPERATOR} -- {OPERATOR} rbac --namespace {namespace} --platforms {platform}{secrets} | kubectl apply --server-side -f -`"
    )
}

/// Reads the resource, and the name of an older platform in its namespace; `None` when the resource is gone.
pub async fn resource(
    client: &Client,
    namespace: &str,
    name: &str,
) -> Result<Option<(ShopFlowPlatform, Option<String>)>, GatherError> {
    let platforms: Api<ShopFlowPlatform> = Api::namespaced(client.clone(), namespace);
    let platforms = platforms.list(&ListParams::default()).await.map_err(GatherError::Resource)?.items;
    let Some(resource) = platforms.iter().find(|platform| platform.name_any() == name).cloned() else {
        return Ok(None);
    };
    let older = platforms.iter().filter(|other| age(other) < age(&resource)).min_by_key(|other| age(other));
    let older = older.map(ResourceExt::name_any);
    Ok(Some((resource, older)))
}

/// Reads the objects of a platform. A Secret that may not be read is noted, and concerns its own part alone.
pub async fn objects(client: &Client, namespace: &str, name: &str) -> Result<Live, GatherError> {
    let lists = try_join_all(Kind::LISTED.map(|kind| list(client, namespace, name, kind)));
    let secrets = try_join_all(secret_names(name).map(|secret| permitted_secret(client, namespace, secret)));
    let (lists, secrets) = futures::future::try_join(lists, secrets).await?;
    let mut live = Live::default();
    for (kind, objects) in lists {
        for object in objects {
            live.insert(kind, serde_json::to_value(object).map_err(GatherError::Form)?);
        }
    }
    for secret in secrets {
        keep_secret(&mut live, secret)?;
    }
    warnings(client, namespace, &mut live).await;
    Ok(live)
}

/// A Secret, or the name of one that may not be read.
type Permitted = Result<Option<DynamicObject>, String>;

async fn permitted_secret(client: &Client, namespace: &str, name: String) -> Result<Permitted, GatherError> {
    match secret_by_name(client, namespace, name.clone()).await {
        Ok(found) => Ok(Ok(found)),
        Err(GatherError::Secret(_, error)) if is_forbidden(&error) => Ok(Err(name)),
        Err(error) => Err(error),
    }
}

fn keep_secret(live: &mut Live, secret: Permitted) -> Result<(), GatherError> {
    match secret {
        Ok(Some(secret)) => {
            live.insert(Kind::Secret, serde_json::to_value(secret).map_err(GatherError::Form)?)
        }
        Ok(None) => {}
        Err(name) => live.forbid(name),
    }
    Ok(())
}

/// Asks what the cluster warned of about pods whose containers do not start: only events tell of a volume that
/// cannot be mounted. They only explain, so that none can be read hinders nothing.
async fn warnings(client: &Client, namespace: &str, live: &mut Live) {
    let events: Api<Event> = Api::namespaced(client.clone(), namespace);
    let waiting: Vec<(String, String)> = live
        .all::<Pod>()
        .filter(pods::waits_for_volumes)
        .filter_map(|pod| Some((pod.name_any(), pod.uid()?)))
        .take(WARNED_PODS)
        .collect();
    for (name, uid) in waiting {
        let about = ListParams::default().fields(&format!("involvedObject.uid={uid},type=Warning"));
        let Ok(found) = events.list(&about).await else { return };
        let last = found.into_iter().max_by_key(|event| event.last_timestamp.clone().map(|time| time.0));
        if let Some(event) = last {
            let reason = event.reason.unwrap_or_default();
            live.warn(name, format!("{reason}: {}", event.message.unwrap_or_default()));
        }
    }
}

/// Orders platforms by their age. Two of the same second are told apart by their uid.
fn age(platform: &ShopFlowPlatform) -> (Option<Timestamp>, Option<String>) {
    (platform.creation_timestamp().map(|time| time.0), platform.uid())
}

/// Reads the Secrets that the spec names.
pub async fn named_secrets(client: &Client, platform: &Platform, live: &mut Live) -> Result<(), GatherError> {
    let postgres = match &platform.postgres {
        PostgresServer::External { admin_secret, .. } => Some(admin_secret),
        PostgresServer::Managed { .. } => None,
    };
    let nats = match &platform.nats {
        NatsServer::External { account_secret, .. } => Some(account_secret),
        NatsServer::Managed { .. } => None,
    };
    let servers = postgres.into_iter().chain(nats).map(String::as_str);
    let providers = platform.notifications.credentials().map(|(name, _)| name);
    for name in servers.chain(providers) {
        let secret = permitted_secret(client, &platform.namespace, name.to_owned()).await?;
        keep_secret(live, secret)?;
    }
    Ok(())
}

/// The Secrets of a platform: the operator asks for these by name and may read no others.
pub fn secret_names(platform: &str) -> impl Iterator<Item = String> {
    let shared = ["signing-keys", "verification-keys", "postgres", "nats", "admin"].map(str::to_owned);
    let of_service = topology::SERVICES.iter().flat_map(|service| {
        let parts: &[&str] =
            if service.database { &["nats", "tokens", "database", "owner"] } else { &["nats", "tokens"] };
        parts.iter().map(|part| format!("{}-{part}", service.name))
    });
    shared.into_iter().chain(of_service).map(move |part| object_name(platform, &part))
}

async fn list(
    client: &Client,
    namespace: &str,
    platform: &str,
    kind: Kind,
) -> Result<(Kind, Vec<DynamicObject>), GatherError> {
    let resource = kind.resource();
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &resource);
    let labels = format!("{LABEL_MANAGED_BY}={LABEL_MANAGED_BY_VALUE},{LABEL_INSTANCE}={platform}");
    match api.list(&ListParams::default().labels(&labels)).await {
        Ok(mut found) => {
            // Only the list says what its objects are; one that is read alone says so itself.
            for object in &mut found.items {
                object.types.get_or_insert_with(|| TypeMeta {
                    api_version: resource.api_version.clone(),
                    kind: resource.kind.clone(),
                });
            }
            Ok((kind, found.items))
        }
        Err(error) => Err(GatherError::List(resource.plural, error)),
    }
}

/// Reads a Secret, whosever it is.
pub(super) async fn secret_by_name(
    client: &Client,
    namespace: &str,
    name: String,
) -> Result<Option<DynamicObject>, GatherError> {
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &Kind::Secret.resource());
    api.get_opt(&name).await.map_err(|error| GatherError::Secret(name, error))
}
