//! The private keyring, and the changes that actions make to it.

use std::fmt::Write as _;
use std::ops::Deref;

use jiff::Timestamp;
use protocol::keyring::{self as file, Algorithm};
use secrecy::ExposeSecret as _;
use serde::Serialize;

pub use protocol::keyring::{Key, State};

use super::material::{self, Jwk, MaterialError};
use super::policy::{Action, Policy};

/// A keyring whose every key can be published.
#[derive(Debug, Clone)]
pub struct Keyring(file::Keyring);

/// A keyring cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// The text is not a keyring, or one that nobody could sign with.
    #[error(transparent)]
    File(#[from] file::KeyringError),
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

impl Deref for Keyring {
    type Target = file::Keyring;

    fn deref(&self) -> &file::Keyring {
        &self.0
    }
}

impl Keyring {
    /// The first keyring of a platform: one key, active at once, since nobody has a token yet.
    pub fn create(issuer: &str, policy: &Policy, now: Timestamp) -> Result<Self, KeyringError> {
        let mut first = generate(policy.algorithm, now)?;
        activate(&mut first, now, policy);
        Self::of(issuer.to_owned(), vec![first], policy.rotation_request.clone())
    }

    /// Reads `keyring.json`. The errors never show a private key.
    pub fn parse(text: &str) -> Result<Self, KeyringError> {
        Self::publishable(file::Keyring::parse(text.as_bytes())?)
    }

    fn of(issuer: String, keys: Vec<Key>, rotation_request: Option<String>) -> Result<Self, KeyringError> {
        Self::publishable(file::Keyring::new(issuer, keys, rotation_request)?)
    }

    fn publishable(keyring: file::Keyring) -> Result<Self, KeyringError> {
        keyring.keys().iter().try_for_each(|key| jwk(key).map(|_| ()))?;
        Ok(Self(keyring))
    }

    /// The text of `jwks.json`: every key that a valid token may carry, and those that soon will sign.
    pub fn jwks(&self) -> Result<String, KeyringError> {
        #[derive(Serialize)]
        struct Set {
            keys: Vec<Jwk>,
        }
        let keys = self.keys().iter().map(jwk).collect::<Result<_, _>>()?;
        Ok(serde_json::to_string(&Set { keys }).unwrap_or_default())
    }

    /// Whether [`Self::jwks`] holds a shared secret, so that it must be kept like one.
    pub fn jwks_is_secret(&self) -> bool {
        self.keys().iter().any(|key| key.algorithm == Algorithm::HS256)
    }

    /// The keyring after these actions, in order. It fails rather than leave none or two keys that sign.
    pub fn after(&self, actions: &[Action], policy: &Policy, now: Timestamp) -> Result<Self, KeyringError> {
        let mut keys = self.keys().to_vec();
        let mut request = self.rotation_request().map(str::to_owned);
        for action in actions {
            if matches!(action, Action::Create | Action::CreateActive) {
                request.clone_from(&policy.rotation_request);
            }
            perform(&mut keys, action, policy, now)?;
        }
        Self::of(self.issuer().to_owned(), keys, request)
    }
}

fn perform(
    keys: &mut Vec<Key>,
    action: &Action,
    policy: &Policy,
    now: Timestamp,
) -> Result<(), KeyringError> {
    match action {
        Action::Create => keys.push(generate(policy.algorithm, now)?),
        Action::CreateActive => {
            let mut key = generate(policy.algorithm, now)?;
            activate(&mut key, now, policy);
            keys.push(key);
        }
        Action::Promote { kid } => {
            for key in keys.iter_mut().filter(|key| key.state == State::Active) {
                key.state = State::Retiring;
                key.retired_at = Some(now);
            }
            activate(find(keys, kid)?, now, policy);
        }
        Action::Extend { kid } => remember_life(find(keys, kid)?, policy),
        Action::Remove { kid, .. } => {
            find(keys, kid)?;
            keys.retain(|key| key.kid != *kid);
        }
    }
    Ok(())
}

fn find<'a>(keys: &'a mut [Key], kid: &str) -> Result<&'a mut Key, KeyringError> {
    keys.iter_mut().find(|key| key.kid == kid).ok_or_else(|| KeyringError::Unknown(kid.to_owned()))
}

fn generate(algorithm: Algorithm, now: Timestamp) -> Result<Key, KeyringError> {
    let failed = |source| KeyringError::Material { kid: "new".to_owned(), source };
    Ok(Key {
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

fn activate(key: &mut Key, now: Timestamp, policy: &Policy) {
    key.state = State::Active;
    key.activated_at = Some(now);
    remember_life(key, policy);
}

fn remember_life(key: &mut Key, policy: &Policy) {
    key.token_life_seconds = key.token_life_seconds.max(policy.longest_token_life.as_secs());
}

fn jwk(key: &Key) -> Result<Jwk, KeyringError> {
    let bytes = key.private_bytes()?;
    material::jwk(&key.kid, key.algorithm, key.private.expose_secret(), &bytes)
        .map_err(|source| KeyringError::Material { kid: key.kid.clone(), source })
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
