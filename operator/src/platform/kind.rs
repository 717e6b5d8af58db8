//! The kinds of objects that the operator keeps.

use std::fmt;

use k8s_openapi::{
    NamespaceResourceScope,
    api::{
        apps::v1::{Deployment, StatefulSet},
        batch::v1::Job,
        core::v1::{ConfigMap, PersistentVolumeClaim, Pod, Secret, Service, ServiceAccount},
        policy::v1::PodDisruptionBudget,
    },
};
use kube::{Resource, api::ApiResource};
use serde::{Serialize, de::DeserializeOwned};

/// A kind of object that the operator keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Identity of pods.
    ServiceAccount,
    /// Configuration.
    ConfigMap,
    /// Keys, passwords, tokens. Always asked for by name, never listed.
    Secret,
    /// Network names.
    Service,
    /// Volumes, made by a StatefulSet.
    Claim,
    /// PostgreSQL and NATS.
    StatefulSet,
    /// Services.
    Deployment,
    /// Migrations.
    Job,
    /// How many pods of a service may be away.
    DisruptionBudget,
    /// Made by the others.
    Pod,
}

impl Kind {
    /// Every kind that is found by label.
    pub const LISTED: [Self; 9] = [
        Self::ServiceAccount,
        Self::ConfigMap,
        Self::Service,
        Self::Claim,
        Self::StatefulSet,
        Self::Deployment,
        Self::Job,
        Self::DisruptionBudget,
        Self::Pod,
    ];

    /// How the API server knows it.
    pub fn resource(self) -> ApiResource {
        match self {
            Self::ServiceAccount => ApiResource::erase::<ServiceAccount>(&()),
            Self::ConfigMap => ApiResource::erase::<ConfigMap>(&()),
            Self::Secret => ApiResource::erase::<Secret>(&()),
            Self::Service => ApiResource::erase::<Service>(&()),
            Self::Claim => ApiResource::erase::<PersistentVolumeClaim>(&()),
            Self::StatefulSet => ApiResource::erase::<StatefulSet>(&()),
            Self::Deployment => ApiResource::erase::<Deployment>(&()),
            Self::Job => ApiResource::erase::<Job>(&()),
            Self::DisruptionBudget => ApiResource::erase::<PodDisruptionBudget>(&()),
            Self::Pod => ApiResource::erase::<Pod>(&()),
        }
    }
}

/// As `kubectl` calls it.
impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.resource().kind)
    }
}

/// A Kubernetes type of one of the kinds.
pub trait Kept:
    Resource<DynamicType = (), Scope = NamespaceResourceScope>
    + Serialize
    + DeserializeOwned
    + Clone
    + Send
    + Sync
{
    /// Its kind.
    const KIND: Kind;
}

macro_rules! kept {
    ($($type:ty => $kind:ident),+ $(,)?) => {
        $(impl Kept for $type { const KIND: Kind = Kind::$kind; })+
    };
}

kept! {
    ServiceAccount => ServiceAccount,
    ConfigMap => ConfigMap,
    Secret => Secret,
    Service => Service,
    PersistentVolumeClaim => Claim,
    StatefulSet => StatefulSet,
    Deployment => Deployment,
    Job => Job,
    PodDisruptionBudget => DisruptionBudget,
    Pod => Pod,
}
