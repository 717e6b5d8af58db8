//! NATS's decentralised JWTs: claims of an operator, an account and a user, version 2, signed with nkeys.
//!
//! The form is that of the server's own library (`github.com/nats-io/jwt/v2`); only the members used here are written.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use nkeys::KeyPair;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

const HEADER: &str = r#"{"typ":"JWT","alg":"ed25519-nkey"}"#;
const VERSION: u8 = 2;

/// Signing failed: a key without its seed.
#[derive(Debug, thiserror::Error)]
#[error("the key cannot sign")]
pub struct SignError(#[source] nkeys::error::Error);

/// The registered claims, and NATS's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Claims<N> {
    #[serde(default)]
    jti: String,
    iat: i64,
    pub(super) iss: String,
    pub(super) name: String,
    pub(super) sub: String,
    pub(super) nats: N,
}

/// Subjects that may be used.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Allow {
    pub(super) allow: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct OperatorClaims {
    r#type: &'static str,
    version: u8,
    system_account: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct AccountClaims {
    r#type: &'static str,
    version: u8,
    limits: Limits,
}

/// -1 is unlimited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Limits {
    subs: i64,
    data: i64,
    payload: i64,
    imports: i64,
    exports: i64,
    wildcards: bool,
    conn: i64,
    leaf: i64,
    #[serde(flatten)]
    storage: Option<StorageLimits>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct StorageLimits {
    mem_storage: i64,
    disk_storage: i64,
    streams: i64,
    consumer: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct UserClaims {
    r#type: String,
    version: u8,
    pub(super) r#pub: Allow,
    pub(super) sub: Allow,
    subs: i64,
    data: i64,
    payload: i64,
}

impl OperatorClaims {
    pub(super) fn new(system_account: String) -> Self {
        Self { r#type: "operator", version: VERSION, system_account }
    }
}

impl AccountClaims {
    /// The server refuses JetStream in a system account.
    pub(super) fn new(jetstream: bool) -> Self {
        let storage = StorageLimits { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 };
        Self {
            r#type: "account",
            version: VERSION,
            limits: Limits {
                subs: -1,
                data: -1,
                payload: -1,
                imports: -1,
                exports: -1,
                wildcards: true,
                conn: -1,
                leaf: -1,
                storage: jetstream.then_some(storage),
            },
        }
    }
}

impl UserClaims {
    pub(super) fn new(publish: Vec<String>, subscribe: Vec<String>) -> Self {
        Self {
            r#type: "user".to_owned(),
            version: VERSION,
            r#pub: Allow { allow: publish },
            sub: Allow { allow: subscribe },
            subs: -1,
            data: -1,
            payload: -1,
        }
    }
}

/// A JWT about `subject`. The same arguments give the same text: ed25519 has no randomness, and the id is a hash.
pub(super) fn sign<N: Serialize>(
    issuer: &KeyPair,
    subject: &str,
    name: &str,
    nats: N,
    now: Timestamp,
) -> Result<String, SignError> {
    let mut claims = Claims {
        jti: String::new(),
        iat: now.as_second(),
        iss: issuer.public_key(),
        name: name.to_owned(),
        sub: subject.to_owned(),
        nats,
    };
    claims.jti = URL_SAFE_NO_PAD.encode(Sha256::digest(json(&claims)));
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(HEADER), URL_SAFE_NO_PAD.encode(json(&claims)));
    let signature = issuer.sign(signed.as_bytes()).map_err(SignError)?;
    Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

/// The claims of a user, if the JWT is signed by that account.
pub(super) fn read_user(jwt: &str, account: &KeyPair) -> Option<Claims<UserClaims>> {
    let (signed, signature) = jwt.rsplit_once('.')?;
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    account.verify(signed.as_bytes(), &signature).ok()?;
    let claims = URL_SAFE_NO_PAD.decode(signed.split_once('.')?.1).ok()?;
    serde_json::from_slice(&claims).ok()
}

fn json(value: &impl Serialize) -> Vec<u8> {
    // Strings, numbers and lists always serialise.
    serde_json::to_vec(value).unwrap_or_default()
}
