//! First step: everything about a platform that the API server knows, read once and afresh.
//!
//! Reads go to the API server, not to a cache: an old answer would have objects written twice, and a
//! missing one would have them made again.

use futures::future::try_join_all;
use jiff::Timestamp;
use kube::{
    Api, Client, ResourceExt,
    api::{DynamicObject, ListParams, TypeMeta},
};

use super::{
    kind::Kind,
    live::Live,
    resolve::{NatsServer, Platform, PostgresServer, object_name},
};
use crate::api::{LABEL_INSTANCE, LABEL_MANAGED_BY, LABEL_MANAGED_BY_VALUE, ShopFlowPlatform};

/// What the API server knows about a platform.
#[derive(Debug, Clone)]
pub struct Gathered {
    /// The resource.
    pub resource: ShopFlowPlatform,
    /// Its objects, Secrets included.
    pub live: Live,
    /// An older platform in its namespace: the plain names of the services are taken.
    pub older: Option<String>,
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

/// Reads the resource and its objects; `None` when the resource is gone.
pub async fn gather(client: &Client, namespace: &str, name: &str) -> Result<Option<Gathered>, GatherError> {
    let platforms: Api<ShopFlowPlatform> = Api::namespaced(client.clone(), namespace);
    let platforms = platforms.list(&ListParams::default()).await.map_err(GatherError::Resource)?.items;
    let Some(resource) = platforms.iter().find(|platform| platform.name_any() == name).cloned() else {
        return Ok(None);
    };
    let older = platforms.iter().filter(|other| age(other) < age(&resource)).min_by_key(|other| age(other));
    let older = older.map(ResourceExt::name_any);
    let lists = try_join_all(Kind::LISTED.map(|kind| list(client, namespace, name, kind)));
    let secrets = try_join_all(secret_names(name).map(|secret| secret_by_name(client, namespace, secret)));
    let (lists, secrets) = futures::future::try_join(lists, secrets).await?;
    let mut live = Live::default();
    for (kind, objects) in lists {
        for object in objects {
            live.insert(kind, serde_json::to_value(object).map_err(GatherError::Form)?);
        }
    }
    for secret in secrets.into_iter().flatten() {
        live.insert(Kind::Secret, serde_json::to_value(secret).map_err(GatherError::Form)?);
    }
    Ok(Some(Gathered { resource, live, older }))
}

/// Orders platforms by their age. Two of the same second are told apart by their uid.
fn age(platform: &ShopFlowPlatform) -> (Option<Timestamp>, Option<String>) {
    (platform.creation_timestamp().map(|time| time.0), platform.uid())
}

/// Reads the Secrets that the spec names and somebody else keeps.
pub async fn foreign_secrets(
    client: &Client,
    platform: &Platform,
    live: &mut Live,
) -> Result<(), GatherError> {
    let postgres = match &platform.postgres {
        PostgresServer::External { admin_secret, .. } => Some(admin_secret),
        PostgresServer::Managed { .. } => None,
    };
    let nats = match &platform.nats {
        NatsServer::External { account_secret, .. } => Some(account_secret),
        NatsServer::Managed { .. } => None,
    };
    for name in postgres.into_iter().chain(nats) {
        if let Some(secret) = secret_by_name(client, &platform.namespace, name.clone()).await? {
            live.insert(Kind::Secret, serde_json::to_value(secret).map_err(GatherError::Form)?);
        }
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

async fn secret_by_name(
    client: &Client,
    namespace: &str,
    name: String,
) -> Result<Option<DynamicObject>, GatherError> {
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &Kind::Secret.resource());
    api.get_opt(&name).await.map_err(|error| GatherError::Secret(name, error))
}
