//! The keyring file: which key is active, and how it signs.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde::Deserialize;

/// A keyring that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// The file is not a keyring.
    #[error("the keyring is not in the expected form")]
    Form(#[source] serde_json::Error),
    /// Zero or several keys are active.
    #[error("the keyring has {0} active keys instead of one")]
    Active(usize),
    /// A key's private part is not base64url.
    #[error("the private part of key {kid} is not base64url")]
    Encoding {
        /// Key identifier.
        kid: String,
        /// Cause.
        source: base64::DecodeError,
    },
    /// The active key does not sign.
    #[error("key {kid} does not sign")]
    Unusable {
        /// Key identifier.
        kid: String,
        /// Cause.
        source: jsonwebtoken::errors::Error,
    },
}

#[derive(Deserialize)]
struct Keyring {
    keys: Vec<Key>,
}

// Other fields are for the operator. No Debug: it would show the private part.
#[derive(Deserialize)]
struct Key {
    kid: String,
    algorithm: SigningAlgorithm,
    state: State,
    private: String,
}

#[derive(Deserialize, PartialEq, Eq)]
enum State {
    Pending,
    Active,
    Retiring,
}

#[derive(Deserialize, Clone, Copy)]
enum SigningAlgorithm {
    #[serde(rename = "EdDSA")]
    EdDsa,
    #[serde(rename = "ES256")]
    Es256,
    #[serde(rename = "HS256")]
    Hs256,
}

/// The active key.
pub(super) struct SigningKey {
    pub(super) kid: String,
    pub(super) algorithm: Algorithm,
    pub(super) key: EncodingKey,
}

/// Finds the active key in a keyring, and proves that it signs.
pub(super) fn active_key(json: &[u8]) -> Result<SigningKey, KeyringError> {
    let keyring: Keyring = serde_json::from_slice(json).map_err(KeyringError::Form)?;
    let mut active: Vec<Key> = keyring.keys.into_iter().filter(|key| key.state == State::Active).collect();
    let count = active.len();
    let (Some(key), 1) = (active.pop(), count) else {
        return Err(KeyringError::Active(count));
    };
    let private = URL_SAFE_NO_PAD
        .decode(&key.private)
        .map_err(|source| KeyringError::Encoding { kid: key.kid.clone(), source })?;
    let (algorithm, encoding) = match key.algorithm {
        SigningAlgorithm::EdDsa => (Algorithm::EdDSA, EncodingKey::from_ed_der(&private)),
        SigningAlgorithm::Es256 => (Algorithm::ES256, EncodingKey::from_ec_der(&private)),
        SigningAlgorithm::Hs256 => (Algorithm::HS256, EncodingKey::from_secret(&private)),
    };
    // Signing once finds a broken key here, not at somebody's sign-in.
    jsonwebtoken::crypto::sign(b"proof", &encoding, algorithm)
        .map_err(|source| KeyringError::Unusable { kid: key.kid.clone(), source })?;
    Ok(SigningKey { kid: key.kid, algorithm, key: encoding })
}
