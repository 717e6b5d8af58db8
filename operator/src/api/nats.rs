//! Where the event streams live.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Resources, SecretName, Storage, schema};

/// Where the event streams live: exactly one of the members, or none for a managed server.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = schema::rules([(
    "[has(self.managed), has(self.external)].filter(chosen, chosen).size() <= 1",
    "choose one of nats.managed and nats.external, and remove the other",
)])))]
pub struct Nats {
    /// NATS with JetStream, run by the operator as a StatefulSet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub managed: Option<ManagedNats>,
    /// A system that someone else runs, with an account of its own for this platform.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external: Option<ExternalNats>,
}

/// NATS run by the operator.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ManagedNats {
    /// An image whose PATH holds nats-server 2.11 or later.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub image: Option<String>,
    /// The volume of the streams.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage: Option<Storage>,
    /// Compute resources.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
}

/// NATS run by someone else.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExternalNats {
    /// URL of the servers, such as `nats://nats.example.com:4222` or `tls://…`.
    #[schemars(length(min = 1, max = 512), regex(pattern = "^(nats|tls)://"))]
    pub url: String,
    /// Secret with the key `account.seed`: the seed of the account in which streams and users are made.
    pub account_secret: SecretName,
}
