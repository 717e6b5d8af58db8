//! The public edge.

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Period, schema};

/// The public edge: who may call it, and how often.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Gateway {
    /// Requests per minute and caller, in each of the gateway's pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_limits: Option<RateLimits>,
    /// Which web pages may call the API; those of its own origin alone when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cors: Option<Cors>,
    /// Addresses and networks of the proxies in front of the gateway (Ingress, load balancer, nodes that translate
    /// addresses), whose `X-Forwarded-*` headers are believed. Empty when clients connect without one. While absent,
    /// no header is believed, and a private address is taken for many clients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::trusted_proxies")]
    pub trusted_proxies: Option<Vec<String>>,
    /// Maximum number of open connections, in each of the gateway's pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connections: Option<Connections>,
    /// Maximum size of a request body, in bytes or as a quantity such as `512Ki`, at the gateway and at every service
    /// behind it; 1Mi when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::body_limit")]
    pub body_limit: Option<IntOrString>,
}

/// Requests per minute. Services of the platform are not counted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RateLimits {
    /// To routes of auth, for each address; 100 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub auth_per_minute: Option<u32>,
    /// To routes of order, for each user, or each address where nobody is signed in; 1000 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub orders_per_minute: Option<u32>,
    /// To paths that lead nowhere, for each address; 100 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub unknown_per_minute: Option<u32>,
}

/// Maximum number of open connections. Further ones are closed at once.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Connections {
    /// Of all clients together; 8192 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 10, max = 50_000))]
    pub total: Option<u32>,
    /// Of one client: a public IPv4 address or a public IPv6 network of 64 bits; 512 when absent. Private addresses
    /// and trusted proxies have no limit of their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 50_000))]
    pub per_client: Option<u32>,
}

/// Which web pages may call the API.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = schema::rules([(
    "!(has(self.allowCredentials) && self.allowCredentials && has(self.allowedOrigins) && '*' in self.allowedOrigins)",
    "cors.allowCredentials needs origins by name: list them in cors.allowedOrigins instead of *",
)])))]
pub struct Cors {
    /// Origins, such as `https://shop.example`, whose pages may call; `*` for every one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::allowed_origins")]
    pub allowed_origins: Vec<String>,
    /// Whether these pages may send the browser's cookies and certificates; false when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_credentials: Option<bool>,
    /// How long a browser may remember what it may do; 10m when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-validations" = schema::between("0s", "24h")))]
    pub max_age: Option<Period>,
}
