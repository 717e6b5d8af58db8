//! What the operator says about a platform. No value here changes by itself with the clock.

use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Condition, jiff::Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The observed platform.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PlatformStatus {
    /// Generation of the spec that all of this is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Standard conditions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// Release that runs. It is kept across upgrades of the operator until `spec.version` changes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Services with all their pods, of all services: `4/4`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub services_ready: Option<String>,
    /// Id of the key that signs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active_key: Option<String>,
    /// When the signing key is due to be replaced (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_rotation: Option<String>,
    /// The services.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<ServiceStatus>,
    /// The databases.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub databases: Vec<DatabaseStatus>,
    /// The streams.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub streams: Vec<StreamStatus>,
    /// The signing keys, newest last.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<KeyStatus>,
    /// Value of the annotation `shopflow.dev/recreate-keys` that was last carried out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recreate_request: Option<String>,
    /// Value of the annotation `shopflow.dev/recreate-databases` that was last carried out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recreate_databases_request: Option<String>,
    /// Tokens with which services call one another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_tokens: Option<ServiceTokensStatus>,
    /// Where things answer, inside the cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoints: Option<Endpoints>,
}

/// One service.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ServiceStatus {
    /// Name of the service.
    pub name: String,
    /// Pods that are ready and of the declared revision.
    pub ready: i32,
    /// Pods that are declared.
    pub desired: i32,
    /// Image of the pods.
    pub image: String,
    /// Why pods are missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// One database.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct DatabaseStatus {
    /// Name of the database.
    pub name: String,
    /// Whether database, roles and grants are as they should be.
    pub ready: bool,
    /// What tells it from every other database: a database of that name that is gone is missed by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
}

/// One stream.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct StreamStatus {
    /// Name of the stream.
    pub name: String,
    /// Whether the stream and its consumers are as they should be.
    pub ready: bool,
    /// Durable consumers declared for it.
    pub consumers: i32,
}

/// One signing key.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct KeyStatus {
    /// The key's id.
    pub id: String,
    /// `Pending` is published, `Active` signs, `Retiring` only verifies.
    pub state: String,
    /// Since when it is in that state (RFC 3339).
    pub since: String,
    /// Ready pods that loaded it, of all ready pods: `4/4`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loaded: Option<String>,
    /// Pods that are waited for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub waiting_for: Vec<String>,
}

/// Tokens with which services call one another.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ServiceTokensStatus {
    /// When the oldest is renewed (RFC 3339).
    pub next_renewal: String,
}

/// Where things answer, inside the cluster.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Endpoints {
    /// URL of the HTTP API.
    pub api: String,
    /// Issuer of the tokens.
    pub issuer: String,
    /// Public keys.
    pub jwks: String,
    /// Host and port of PostgreSQL.
    pub postgres: String,
    /// URL of NATS.
    pub nats: String,
}

impl PlatformStatus {
    /// The condition of that type.
    pub fn condition(&self, type_: super::ConditionType) -> Option<&Condition> {
        self.conditions.iter().find(|condition| condition.type_ == type_.name())
    }

    /// A time as it is written in the status: whole seconds, UTC.
    pub fn time(at: Timestamp) -> String {
        Timestamp::from_second(at.as_second()).unwrap_or(at).to_string()
    }
}
