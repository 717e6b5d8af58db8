//! Tokens, signing keys and passwords.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Period, schema};

/// Tokens, signing keys and passwords.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Auth {
    /// Tokens that people hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<Tokens>,
    /// Keys that sign tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signing_keys: Option<SigningKeys>,
    /// Tokens with which services call one another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_tokens: Option<ServiceTokens>,
    /// How passwords are stored: argon2id with 19 MiB and two passes when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_hash: Option<PasswordHash>,
    /// Which passwords are accepted; `Composition` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_policy: Option<PasswordPolicy>,
}

/// Lives of the tokens that people hold.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tokens {
    /// Life of an access token; 1h when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-validations" = schema::between("1m", "24h")))]
    pub access_ttl: Option<Period>,
    /// Life of a refresh token; 720h when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-validations" = schema::between("1h", "8760h")))]
    pub refresh_ttl: Option<Period>,
}

/// Keys that sign tokens.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SigningKeys {
    /// Algorithm; EdDSA when absent. A change is carried out as a rotation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<Algorithm>,
    /// Age at which a key is replaced; 2160h (90 days) when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-validations" = schema::between("1m", "17520h")))]
    pub rotate_every: Option<Period>,
    /// Ids of keys that leaked: removed at once, their tokens are refused everywhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(max = 128), regex(pattern = "^[0-9]{8}-[0-9a-f]{12}$")))]
    pub revoked: Vec<String>,
}

/// Signature algorithm of tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Algorithm {
    /// Ed25519.
    #[default]
    EdDSA,
    /// ECDSA on P-256.
    ES256,
    /// One shared secret: every service can then sign. For systems that need it.
    HS256,
}

impl From<Algorithm> for protocol::keyring::Algorithm {
    fn from(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::EdDSA => Self::EdDSA,
            Algorithm::ES256 => Self::ES256,
            Algorithm::HS256 => Self::HS256,
        }
    }
}

/// Tokens with which services call one another.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceTokens {
    /// Life; 24h when absent. They are renewed at two thirds of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-validations" = schema::between("10m", "168h")))]
    pub ttl: Option<Period>,
}

/// How passwords are stored. Older hashes stay valid and are replaced at the next sign-in.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = schema::rules([(
    "has(self.argon2id) != has(self.bcrypt)",
    "choose exactly one of passwordHash.argon2id and passwordHash.bcrypt",
)])))]
pub struct PasswordHash {
    /// Argon2id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub argon2id: Option<Argon2id>,
    /// bcrypt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bcrypt: Option<Bcrypt>,
}

/// Cost of argon2id.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Argon2id {
    /// Memory in KiB; 19456 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 7168, max = 1_048_576))]
    pub memory_kib: Option<u32>,
    /// Passes; 2 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 20))]
    pub iterations: Option<u32>,
    /// Lanes; 1 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 16))]
    pub parallelism: Option<u32>,
}

/// Cost of bcrypt.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Bcrypt {
    /// Logarithm of the rounds; 12 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 10, max = 16))]
    pub cost: Option<u32>,
}

/// Which passwords are accepted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PasswordPolicy {
    /// Eight characters, with an upper-case and a lower-case letter, a digit and a special character.
    #[default]
    Composition,
    /// Eight characters, checked against common passwords.
    Length,
}

impl From<PasswordPolicy> for protocol::settings::PasswordPolicy {
    fn from(policy: PasswordPolicy) -> Self {
        match policy {
            PasswordPolicy::Composition => Self::Composition,
            PasswordPolicy::Length => Self::Length,
        }
    }
}
