//! `keyring.json`: the private signing keys of a platform. The operator writes it, auth signs with its active key.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize, Serializer};

/// Signature algorithm, by its name in JSON Web Algorithms (RFC 7518, RFC 8037).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Algorithm {
    /// Ed25519.
    #[default]
    EdDSA,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// HMAC with SHA-256: one shared secret.
    HS256,
}

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

impl State {
    /// As written in the file and shown to people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Active => "Active",
            Self::Retiring => "Retiring",
        }
    }
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
    /// PKCS#8 in base64url without padding; the secret itself for HS256.
    #[serde(serialize_with = "expose")]
    pub private: SecretString,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it began to sign.
    #[serde(default)]
    pub activated_at: Option<Timestamp>,
    /// When it stopped signing.
    #[serde(default)]
    pub retired_at: Option<Timestamp>,
    /// Longest life of the tokens that it may have signed, in seconds. A setting may shrink, tokens already issued do not.
    #[serde(default)]
    pub token_life_seconds: u64,
}

/// All keys of an issuer; exactly one is [`State::Active`], and no id is used twice.
#[derive(Debug, Clone, Serialize)]
pub struct Keyring {
    issuer: String,
    keys: Vec<Key>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rotation_request: Option<String>,
}

/// A keyring cannot be used. No error shows a private key.
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
    /// A private part that is not base64url.
    #[error("the private part of key {kid} is not base64url")]
    Encoding {
        /// The key.
        kid: String,
        /// Where it is not.
        #[source]
        source: base64::DecodeError,
    },
}

/// The file before it is checked.
#[derive(Deserialize)]
struct Unchecked {
    issuer: String,
    keys: Vec<Key>,
    #[serde(default)]
    rotation_request: Option<String>,
}

impl Keyring {
    /// A keyring of these keys, oldest first. `rotation_request` is the last request to rotate that was carried out.
    pub fn new(
        issuer: String,
        keys: Vec<Key>,
        rotation_request: Option<String>,
    ) -> Result<Self, KeyringError> {
        let active = keys.iter().filter(|key| key.state == State::Active).count();
        if active != 1 {
            return Err(KeyringError::Active(active));
        }
        for (index, key) in keys.iter().enumerate() {
            if keys[..index].iter().any(|other| other.kid == key.kid) {
                return Err(KeyringError::Duplicate(key.kid.clone()));
            }
            key.private_bytes()?;
        }
        Ok(Self { issuer, keys, rotation_request })
    }

    /// Reads `keyring.json`.
    pub fn parse(text: &[u8]) -> Result<Self, KeyringError> {
        let file: Unchecked = serde_json::from_slice(text).map_err(KeyringError::Form)?;
        Self::new(file.issuer, file.keys, file.rotation_request)
    }

    /// The text of `keyring.json`: a secret.
    pub fn to_json(&self) -> SecretString {
        // Strings, numbers and unit variants always serialise.
        serde_json::to_string(self).unwrap_or_default().into()
    }

    /// `iss` of the tokens.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// All keys, oldest first.
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// The last request to rotate that was carried out; written with the key that answers it.
    pub fn rotation_request(&self) -> Option<&str> {
        self.rotation_request.as_deref()
    }

    /// The key that signs.
    pub fn active(&self) -> &Key {
        self.keys
            .iter()
            .find(|key| key.state == State::Active)
            .expect("every constructor checks that one key is active")
    }
}

impl Key {
    /// The private bytes, to sign with.
    pub fn private_bytes(&self) -> Result<Vec<u8>, KeyringError> {
        let decoded = URL_SAFE_NO_PAD.decode(self.private.expose_secret());
        decoded.map_err(|source| KeyringError::Encoding { kid: self.kid.clone(), source })
    }
}

fn expose<S: Serializer>(secret: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose_secret())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn key(kid: &str, state: &str) -> Value {
        json!({
            "kid": kid, "algorithm": "EdDSA", "state": state, "private": "c2VjcmV0LWNhbmFyeQ",
            "created_at": "2026-02-17T10:30:00Z", "activated_at": null, "retired_at": null, "token_life_seconds": 3600,
        })
    }

    fn file(keys: &[Value]) -> Vec<u8> {
        json!({ "issuer": "https://shop", "keys": keys }).to_string().into_bytes()
    }

    #[test]
    fn reading_gives_back_what_was_written_and_debug_shows_no_private_key() {
        let text = file(&[key("old", "Retiring"), key("new", "Active")]);
        let keyring = Keyring::parse(&text).unwrap();
        assert_eq!(keyring.active().kid, "new");
        assert_eq!(keyring.active().private_bytes().unwrap(), b"secret-canary");
        let written: Value = serde_json::from_str(keyring.to_json().expose_secret()).unwrap();
        assert_eq!(written, serde_json::from_slice::<Value>(&text).unwrap());
        assert!(!format!("{keyring:?}").contains("c2VjcmV0LWNhbmFyeQ"));
    }

    #[test]
    fn what_could_not_sign_safely_is_refused_by_its_own_error() {
        let refused = |keys: &[Value]| Keyring::parse(&file(keys)).unwrap_err();
        assert!(matches!(refused(&[key("a", "Retiring")]), KeyringError::Active(0)));
        assert!(matches!(refused(&[key("a", "Active"), key("b", "Active")]), KeyringError::Active(2)));
        let twice = refused(&[key("a", "Active"), key("a", "Retiring")]);
        assert!(matches!(twice, KeyringError::Duplicate(kid) if kid == "a"));
        assert!(matches!(Keyring::parse(b"[]").unwrap_err(), KeyringError::Form(_)));
        let mut broken = key("a", "Active");
        broken["private"] = "c2VjcmV0LWNhbmFyeQ==".into();
        let error = refused(&[broken]);
        assert!(matches!(&error, KeyringError::Encoding { kid, .. } if kid == "a"));
        assert!(!format!("{error} {error:?}").contains("c2VjcmV0"), "{error:?}");
    }
}
