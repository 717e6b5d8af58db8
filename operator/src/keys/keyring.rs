//! The private keyring: its file format, and the changes that actions make to it.

use std::fmt::Write as _;

use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize, Serializer};

use super::material::{self, Jwk, MaterialError};
use super::policy::{Action, Policy};
use crate::api::Algorithm;

/// Where a key is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// Published, does not sign.
    Pending,
    /// Signs.
    Active,
    /// Verifies only.
    Retiring,
}

/// One signing key. `Debug` does not show the private part.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Key {
    /// Key id, in the header of every token that it signs.
    pub kid: String,
    /// Algorithm.
    pub algorithm: Algorithm,
    /// Where it is in its life.
    pub state: State,
    /// PKCS#8 in base64url without padding; the secret for HS256.
    #[serde(serialize_with = "expose")]
    private: SecretString,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it began to sign.
    #[serde(default)]
    pub activated_at: Option<Timestamp>,
    /// When it stopped signing.
    #[serde(default)]
    pub retired_at: Option<Timestamp>,
    /// Longest life of the tokens that it may have signed, in seconds. A setting may shrink, tokens already out do not.
    #[serde(default)]
    pub token_life_seconds: u64,
}

/// All keys of an issuer; exactly one is [`State::Active`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "Document")]
pub struct Keyring {
    issuer: String,
    keys: Vec<Key>,
    /// The last request to rotate that was carried out; written with the key that answers it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rotation_request: Option<String>,
}

/// A keyring cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// The text is not a keyring.
    #[error("the keyring is not in the expected form")]
    Form(#[source] serde_json::Error),
    /// Zero or several keys would sign.
    #[error("the keyring has {0} active keys instead of one")]
    Active(usize),
    /// Two keys have one id.
    #[error("key id {0} is used twice")]
    Duplicate(String),
    /// An action names a key that does not exist.
    #[error("there is no key {0}")]
    Unknown(String),
    /// The material of a key is unusable.
    #[error("key {kid} is unusable")]
    Material {
        /// The key, or `new`.
        kid: String,
        /// What is wrong with it.
        #[source]
        source: MaterialError,
    },
}

/// The file before it is checked.
#[derive(Deserialize)]
struct Document {
    issuer: String,
    keys: Vec<Key>,
    #[serde(default)]
    rotation_request: Option<String>,
}

impl TryFrom<Document> for Keyring {
    type Error = KeyringError;

    fn try_from(document: Document) -> Result<Self, KeyringError> {
        let keyring = Self {
            issuer: document.issuer,
            keys: document.keys,
            rotation_request: document.rotation_request,
        };
        keyring.checked()
    }
}

impl Keyring {
    /// The first keyring of a platform: one key, active at once, since nobody has a token yet.
    pub fn create(issuer: &str, policy: &Policy, now: Timestamp) -> Result<Self, KeyringError> {
        let mut first = Key::generate(policy.algorithm, now)?;
        first.activate(now, policy);
        Ok(Self {
            issuer: issuer.to_owned(),
            keys: vec![first],
            rotation_request: policy.rotation_request.clone(),
        })
    }

    /// Reads `keyring.json`. The errors never show a private key.
    pub fn parse(text: &str) -> Result<Self, KeyringError> {
        serde_json::from_str(text).map_err(KeyringError::Form)
    }

    /// The text of `keyring.json`: a secret.
    pub fn to_json(&self) -> SecretString {
        // Strings, numbers and unit variants always serialise.
        serde_json::to_string(self).unwrap_or_default().into()
    }

    /// The text of `jwks.json`: every key that a valid token may carry, and those that soon will sign.
    pub fn jwks(&self) -> Result<String, KeyringError> {
        #[derive(Serialize)]
        struct Set {
            keys: Vec<Jwk>,
        }
        let keys = self.keys.iter().map(Key::jwk).collect::<Result<_, _>>()?;
        Ok(serde_json::to_string(&Set { keys }).unwrap_or_default())
    }

    /// Whether [`Self::jwks`] holds a shared secret, so that it must be kept like one.
    pub fn jwks_is_secret(&self) -> bool {
        self.keys.iter().any(|key| key.algorithm == Algorithm::HS256)
    }

    /// `iss` of the tokens.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// All keys, oldest first.
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// The key that signs.
    pub fn active(&self) -> &Key {
        self.keys
            .iter()
            .find(|key| key.state == State::Active)
            .expect("every constructor checks that one key is active")
    }

    /// The last request to rotate that was carried out.
    pub fn rotation_request(&self) -> Option<&str> {
        self.rotation_request.as_deref()
    }

    /// The keyring after these actions, in order. It fails rather than leave none or two keys that sign.
    pub fn after(&self, actions: &[Action], policy: &Policy, now: Timestamp) -> Result<Self, KeyringError> {
        let mut changed = self.clone();
        for action in actions {
            changed.perform(action, policy, now)?;
        }
        changed.checked()
    }

    fn perform(&mut self, action: &Action, policy: &Policy, now: Timestamp) -> Result<(), KeyringError> {
        match action {
            Action::Create => {
                self.keys.push(Key::generate(policy.algorithm, now)?);
                self.rotation_request.clone_from(&policy.rotation_request);
            }
            Action::CreateActive => {
                let mut key = Key::generate(policy.algorithm, now)?;
                key.activate(now, policy);
                self.keys.push(key);
                self.rotation_request.clone_from(&policy.rotation_request);
            }
            Action::Promote { kid } => {
                for key in &mut self.keys {
                    if key.state == State::Active {
                        key.state = State::Retiring;
                        key.retired_at = Some(now);
                    }
                }
                self.key_mut(kid)?.activate(now, policy);
            }
            Action::Extend { kid } => self.key_mut(kid)?.remember_life(policy),
            Action::Remove { kid, .. } => {
                self.key_mut(kid)?;
                self.keys.retain(|key| key.kid != *kid);
            }
        }
        Ok(())
    }

    fn key_mut(&mut self, kid: &str) -> Result<&mut Key, KeyringError> {
        self.keys.iter_mut().find(|key| key.kid == kid).ok_or_else(|| KeyringError::Unknown(kid.to_owned()))
    }

    fn checked(self) -> Result<Self, KeyringError> {
        let active = self.keys.iter().filter(|key| key.state == State::Active).count();
        if active != 1 {
            return Err(KeyringError::Active(active));
        }
        for (index, key) in self.keys.iter().enumerate() {
            if self.keys[..index].iter().any(|other| other.kid == key.kid) {
                return Err(KeyringError::Duplicate(key.kid.clone()));
            }
            key.jwk()?;
        }
        Ok(self)
    }
}

impl Key {
    fn generate(algorithm: Algorithm, now: Timestamp) -> Result<Self, KeyringError> {
        let failed = |source| KeyringError::Material { kid: "new".to_owned(), source };
        Ok(Self {
            kid: new_kid(now).map_err(|error| failed(MaterialError::Generate(error)))?,
            algorithm,
            state: State::Pending,
            private: material::generate(algorithm).map_err(failed)?,
            created_at: now,
            activated_at: None,
            retired_at: None,
            token_life_seconds: 0,
        })
    }

    fn activate(&mut self, now: Timestamp, policy: &Policy) {
        self.state = State::Active;
        self.activated_at = Some(now);
        self.remember_life(policy);
    }

    fn remember_life(&mut self, policy: &Policy) {
        self.token_life_seconds = self.token_life_seconds.max(policy.longest_token_life.as_secs());
    }

    /// The private bytes, to sign with.
    pub(super) fn private(&self) -> Result<Vec<u8>, KeyringError> {
        material::decode(self.private.expose_secret())
            .map_err(|source| KeyringError::Material { kid: self.kid.clone(), source })
    }

    fn jwk(&self) -> Result<Jwk, KeyringError> {
        material::jwk(&self.kid, self.algorithm, self.private.expose_secret())
            .map_err(|source| KeyringError::Material { kid: self.kid.clone(), source })
    }
}

/// The day, for people who look at a list of keys, and enough chance never to meet again.
fn new_kid(now: Timestamp) -> Result<String, aws_lc_rs::error::Unspecified> {
    let mut kid = now.strftime("%Y%m%d-").to_string();
    for byte in material::random::<6>()? {
        // Writing to a String cannot fail.
        let _ = write!(kid, "{byte:02x}");
    }
    Ok(kid)
}

fn expose<S: Serializer>(secret: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose_secret())
}
