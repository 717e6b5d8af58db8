//! The public keys that tokens are verified with.

use std::collections::BTreeMap;

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm};
use jsonwebtoken::{DecodingKey, Validation};

/// Signature algorithms that tokens may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// Ed25519 (RFC 8037).
    EdDsa,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// HMAC with SHA-256: whoever verifies can also sign.
    Hs256,
}

impl From<Algorithm> for jsonwebtoken::Algorithm {
    fn from(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::EdDsa => Self::EdDSA,
            Algorithm::Es256 => Self::ES256,
            Algorithm::Hs256 => Self::HS256,
        }
    }
}

/// Why a key set was refused. A set is taken whole or not at all.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// No JSON Web Key Set.
    #[error("the key set is not valid JSON (RFC 7517)")]
    Json(#[from] serde_json::Error),
    /// A key without `kid`.
    #[error("a key has no kid")]
    NoKid,
    /// Two keys with the same `kid`.
    #[error("two keys have the kid {0}")]
    DuplicateKid(String),
    /// The key's type and `alg` do not belong together, or are not among [`Algorithm`].
    #[error("key {0} is not one of EdDSA on Ed25519, ES256 on P-256, HS256")]
    Unsupported(String),
    /// The key's numbers are no key.
    #[error("key {kid} cannot be read")]
    Unreadable {
        /// Its id.
        kid: String,
        /// Why.
        source: jsonwebtoken::errors::Error,
    },
}

/// Keys by `kid`, each bound to the one algorithm that it may verify.
#[derive(Debug, Default)]
pub struct KeySet {
    keys: BTreeMap<String, Key>,
}

/// One key.
pub(super) struct Key {
    pub(super) algorithm: Algorithm,
    pub(super) decoding: DecodingKey,
    /// Signature checks only; every claim is checked by the verifier, against its own clock.
    pub(super) validation: Validation,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

impl KeySet {
    /// Reads a JSON Web Key Set.
    pub fn from_json(json: &[u8]) -> Result<Self, KeysError> {
        let set: JwkSet = serde_json::from_slice(json)?;
        let mut keys = BTreeMap::new();
        for jwk in &set.keys {
            let kid = jwk.common.key_id.clone().ok_or(KeysError::NoKid)?;
            let key = Key::from_jwk(&kid, jwk)?;
            if keys.insert(kid.clone(), key).is_some() {
                return Err(KeysError::DuplicateKid(kid));
            }
        }
        Ok(Self { keys })
    }

    /// Ids of all keys, sorted.
    pub fn kids(&self) -> Vec<String> {
        self.keys.keys().cloned().collect()
    }

    /// Whether there is no key at all.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    pub(super) fn get(&self, kid: &str) -> Option<&Key> {
        self.keys.get(kid)
    }
}

impl Key {
    fn from_jwk(kid: &str, jwk: &Jwk) -> Result<Self, KeysError> {
        // The key's own type decides, and `alg` must agree: a public key can never become an HMAC secret.
        let algorithm = match (&jwk.algorithm, jwk.common.key_algorithm) {
            (AlgorithmParameters::OctetKeyPair(key), Some(KeyAlgorithm::EdDSA))
                if key.curve == EllipticCurve::Ed25519 =>
            {
                Algorithm::EdDsa
            }
            (AlgorithmParameters::EllipticCurve(key), Some(KeyAlgorithm::ES256))
                if key.curve == EllipticCurve::P256 =>
            {
                Algorithm::Es256
            }
            (AlgorithmParameters::OctetKey(_), Some(KeyAlgorithm::HS256)) => Algorithm::Hs256,
            _ => return Err(KeysError::Unsupported(kid.to_owned())),
        };
        let decoding = DecodingKey::from_jwk(jwk)
            .map_err(|source| KeysError::Unreadable { kid: kid.to_owned(), source })?;
        Ok(Self { algorithm, decoding, validation: signature_only(algorithm) })
    }
}

fn signature_only(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm.into());
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation
}
