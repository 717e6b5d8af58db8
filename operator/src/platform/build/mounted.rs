//! The revision of what is mounted into running pods, stamped on them.

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use secrecy::ExposeSecret as _;

use super::meta::hash;
use crate::{
    api::{ANNOTATION_MOUNTED, LABEL_COMPONENT},
    platform::{
        keys::Keys,
        live::Live,
        memory::Memory,
        resolve::{Platform, PostgresServer, ServicePlan},
    },
};

/// An annotation to set on a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// Name of the pod.
    pub pod: String,
    /// Revision of what is mounted.
    pub revision: String,
}

/// Pods that carry another revision than that of the keys and credentials mounted into them. The kubelet
/// then brings the new files at once; nothing restarts.
pub(super) fn stamps(platform: &Platform, memory: &Memory, keys: &Keys, live: &Live) -> Vec<Stamp> {
    let of_service = |plan: &ServicePlan| stamps_of(live, plan.service.name, &revision(plan, memory, keys));
    platform.services.iter().flat_map(of_service).collect()
}

/// The pods of PostgreSQL, with the revision of the administrator's password: the server takes up a new one
/// once the kubelet has brought it.
pub(super) fn server_stamps(platform: &Platform, memory: &Memory, live: &Live) -> Vec<Stamp> {
    let (PostgresServer::Managed { .. }, Some(administrator)) = (&platform.postgres, &memory.administrator)
    else {
        return Vec::new();
    };
    stamps_of(live, super::postgres::PART, &hash([administrator.password.expose_secret()]))
}

fn stamps_of(live: &Live, component: &str, revision: &str) -> Vec<Stamp> {
    let outdated = |pod: &Pod| {
        pod.labels().get(LABEL_COMPONENT).map(String::as_str) == Some(component)
            && pod.metadata.deletion_timestamp.is_none()
            && pod.annotations().get(ANNOTATION_MOUNTED).map(String::as_str) != Some(revision)
    };
    let pods = live.all::<Pod>().filter(outdated);
    pods.map(|pod| Stamp { pod: pod.name_any(), revision: revision.to_owned() }).collect()
}

fn revision(plan: &ServicePlan, memory: &Memory, keys: &Keys) -> String {
    let service = plan.service.name;
    let mut parts = vec![keys.jwks.clone()];
    if service == "auth" {
        parts.push(keys.keyring.to_json().expose_secret().to_owned());
    }
    let secrets = keys.tokens.get(service).into_iter().flat_map(|tokens| tokens.values());
    let secrets = secrets.chain(keys.credentials.get(service));
    parts.extend(secrets.map(|secret| secret.expose_secret().to_owned()));
    if let Some(database) = memory.databases.get(service) {
        parts.push(database.logins.password.expose_secret().to_owned());
    }
    hash(parts)
}
