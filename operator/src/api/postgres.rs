//! Where the databases live.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Period, Resources, schema};

/// Where the databases live: exactly one of the members, or none for a managed server.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = schema::rules([(
    "[has(self.managed), has(self.external)].filter(chosen, chosen).size() <= 1",
    "choose one of postgres.managed and postgres.external, and remove the other",
)])))]
pub struct Postgres {
    /// One PostgreSQL server, run by the operator as a StatefulSet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub managed: Option<ManagedPostgres>,
    /// A server that someone else runs. The operator makes databases and roles in it, nothing else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external: Option<ExternalPostgres>,
    /// The logins of the services.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials: Option<DatabaseCredentials>,
}

/// The logins of the services.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DatabaseCredentials {
    /// Age at which a password is replaced, with no connection broken; 720h when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-validations" = schema::between("2h", "8760h")))]
    pub rotate_every: Option<Period>,
}

/// A server run by the operator.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ManagedPostgres {
    /// Any image with PostgreSQL's own programs and a shell, whose user 999 is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub image: Option<String>,
    /// The volume of the data directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage: Option<Storage>,
    /// Compute resources.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
}

/// A server run by someone else.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExternalPostgres {
    /// Host name or address.
    #[schemars(length(min = 1, max = 253))]
    pub host: String,
    /// Port; 5432 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<u16>,
    /// How the connection is protected; `Require` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsMode>,
    /// Secret with the keys `username` and `password` of a role that may create databases and roles.
    pub admin_secret: SecretName,
}

impl ExternalPostgres {
    /// The port, declared or default.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(5432)
    }

    /// Protection of the connection, declared or default.
    pub fn tls(&self) -> TlsMode {
        self.tls.unwrap_or(TlsMode::Require)
    }
}

/// Protection of a PostgreSQL connection, PostgreSQL's `sslmode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TlsMode {
    /// Plain text.
    Disable,
    /// Encrypted; the server is not checked.
    Require,
    /// Encrypted; the server's name and certificate are checked against public authorities.
    VerifyFull,
}

impl TlsMode {
    /// The value of `sslmode` in a URL.
    pub const fn sslmode(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Require => "require",
            Self::VerifyFull => "verify-full",
        }
    }
}

/// A Secret in the platform's namespace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretName {
    /// Name of the Secret.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// A persistent volume.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Storage {
    /// Size, such as `10Gi`. It may grow where the storage class allows that, never shrink.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::quantity")]
    pub size: Option<String>,
    /// Storage class; the cluster's default when absent. It cannot be changed later.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub storage_class: Option<String>,
}
