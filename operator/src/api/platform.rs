//! The resource itself.
#![expect(clippy::duplicated_attributes, reason = "the columns of one table share attribute names")]

use std::collections::BTreeMap;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Auth, Gateway, Nats, Notifications, Override, PlatformStatus, Postgres, ServiceOptions, schema};

/// A commerce backend: databases, event streams, keys and services. Every field is optional.
#[derive(CustomResource, Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "shopflow.dev",
    version = "v1alpha1",
    kind = "ShopFlowPlatform",
    plural = "shopflowplatforms",
    shortname = "sfp",
    namespaced,
    status = "PlatformStatus",
    derive = "PartialEq",
    doc = "A commerce backend on Kubernetes: databases, event streams, keys and services.",
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#
    ),
    printcolumn(name = "Version", type_ = "string", json_path = ".status.version"),
    printcolumn(name = "Services", type_ = "string", json_path = ".status.servicesReady"),
    printcolumn(name = "Key", type_ = "string", json_path = ".status.activeKey"),
    printcolumn(name = "Next-Rotation", type_ = "string", json_path = ".status.nextRotation"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].reason"#,
        priority = 1
    ),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].message"#,
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = schema::what_would_lose_data()))]
pub struct ShopFlowPlatformSpec {
    /// Release of the services, the tag of their image. When absent, the operator's own release at the
    /// time the platform was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128), regex(pattern = "^[A-Za-z0-9_][A-Za-z0-9_.-]*$"))]
    pub version: Option<String>,
    /// Image of the services.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<Image>,
    /// Change nothing; the status says whether changes wait.
    #[serde(default)]
    #[schemars(default)]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub suspend: bool,
    /// What becomes of volumes, passwords and keys when the resource is deleted; `Retain` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<DeletionPolicy>,
    /// Where the databases live; a managed server when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub postgres: Option<Postgres>,
    /// Where the event streams live; a managed server when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nats: Option<Nats>,
    /// Tokens, signing keys and passwords.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// Orders.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub orders: Option<Orders>,
    /// The public edge: rate limits, CORS, proxies in front, size of requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway: Option<Gateway>,
    /// How notifications leave the platform.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notifications: Option<Notifications>,
    /// Replicas, resources, image and scheduling of single services, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 32, "x-kubernetes-validations" = schema::known_services()))]
    pub services: BTreeMap<String, ServiceOptions>,
    /// Logs and traces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observability: Option<Observability>,
    /// Merge patches on generated objects, applied last. They may break the platform.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub overrides: Vec<Override>,
}

/// Image of the services.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Image {
    /// Image without a tag, such as `ghcr.io/shopflow/shopflow`; the tag is `version`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub repository: Option<String>,
    /// When nodes pull it; `IfNotPresent` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pull_policy: Option<PullPolicy>,
    /// Names of Secrets with registry credentials.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(min = 1, max = 253)))]
    pub pull_secrets: Vec<String>,
}

/// When nodes pull an image.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PullPolicy {
    /// Each time a pod starts.
    Always,
    /// When the node has none.
    #[default]
    IfNotPresent,
    /// Never: the node must have it.
    Never,
}

impl PullPolicy {
    /// The value in a container.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Always => "Always",
            Self::IfNotPresent => "IfNotPresent",
            Self::Never => "Never",
        }
    }
}

/// What becomes of what holds data when the resource is deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DeletionPolicy {
    /// Volumes, passwords, seeds and signing keys stay, and a platform of the same name takes them up.
    #[default]
    Retain,
    /// Everything in the namespace that the operator made goes.
    Delete,
}

/// Orders.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Orders {
    /// Whether an order's lines must be in the catalog. When absent, `Required` if the release has a catalog
    /// service, else `Optional`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub catalog: Option<Catalog>,
}

/// Whether an order's lines must be in the catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Catalog {
    /// A line names a product of the catalog, and the catalog's price wins.
    Required,
    /// A line may carry its own name and price.
    Optional,
}

impl From<Catalog> for protocol::settings::CatalogMode {
    fn from(catalog: Catalog) -> Self {
        match catalog {
            Catalog::Required => Self::Required,
            Catalog::Optional => Self::Optional,
        }
    }
}

/// Logs and traces.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Observability {
    /// Least level that is logged; `Info` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_level: Option<LogLevel>,
    /// OTLP/HTTP endpoint for traces, such as `http://collector:4318`; none are sent when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512), regex(pattern = "^https?://"))]
    pub otlp_endpoint: Option<String>,
}

/// Level of log lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum LogLevel {
    /// Only failures.
    Error,
    /// And what may become one.
    Warn,
    /// And what happened.
    #[default]
    Info,
    /// And how.
    Debug,
}

impl LogLevel {
    /// The value in a service's configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }
}
