//! A signing key with its mounted files.

use std::path::Path;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use testing::ISSUER;
use uuid::Uuid;

/// A signing key as the operator makes them.
#[derive(Clone)]
pub(crate) struct TestKey {
    pub(crate) kid: String,
    /// The public half; empty for HS256, which has none.
    pub(crate) public: Vec<u8>,
    algorithm: Algorithm,
    private: Vec<u8>,
}

impl TestKey {
    /// An Ed25519 key.
    pub(crate) fn generate() -> Self {
        Self::generate_for(Algorithm::EdDSA)
    }

    pub(crate) fn generate_for(algorithm: Algorithm) -> Self {
        let random = SystemRandom::new();
        let (private, public) = match algorithm {
            Algorithm::EdDSA => {
                let private = Ed25519KeyPair::generate_pkcs8(&random).unwrap().as_ref().to_vec();
                let public = Ed25519KeyPair::from_pkcs8(&private).unwrap().public_key().as_ref().to_vec();
                (private, public)
            }
            Algorithm::ES256 => {
                let signing = &ECDSA_P256_SHA256_FIXED_SIGNING;
                let private = EcdsaKeyPair::generate_pkcs8(signing, &random).unwrap().as_ref().to_vec();
                let public =
                    EcdsaKeyPair::from_pkcs8(signing, &private).unwrap().public_key().as_ref().to_vec();
                (private, public)
            }
            _ => (rand::random::<[u8; 32]>().to_vec(), Vec::new()),
        };
        Self { kid: Uuid::now_v7().to_string(), public, algorithm, private }
    }

    /// Writes the keyring and the verification keys of this key alone.
    pub(crate) fn write(&self, directory: &Path) {
        write_keyring(directory, &[(self, "Active")]);
        write_verification_keys(directory, &[self]);
    }

    pub(crate) fn jwk(&self) -> Value {
        let b64 = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let mut jwk = match self.algorithm {
            Algorithm::EdDSA => json!({ "kty": "OKP", "crv": "Ed25519", "x": b64(&self.public) }),
            // An uncompressed point: 0x04, x, y.
            Algorithm::ES256 => {
                json!({ "kty": "EC", "crv": "P-256", "x": b64(&self.public[1..33]), "y": b64(&self.public[33..]) })
            }
            _ => json!({ "kty": "oct", "k": b64(&self.private) }),
        };
        jwk["alg"] = json!(self.algorithm);
        jwk["use"] = json!("sig");
        jwk["kid"] = json!(self.kid);
        jwk
    }

    pub(crate) fn header(&self) -> Header {
        Header { typ: Some("at+jwt".into()), kid: Some(self.kid.clone()), ..Header::new(self.algorithm) }
    }

    /// Signs with an Ed25519 key.
    pub(crate) fn sign(&self, header: &Header, claims: &Value) -> String {
        jsonwebtoken::encode(header, claims, &EncodingKey::from_ed_der(&self.private)).unwrap()
    }

    /// A token with which `caller` may call the service `audience`.
    pub(crate) fn service_token(&self, caller: &str, audience: &str, now: i64) -> String {
        let claims = json!({
            "iss": ISSUER, "sub": format!("service:{caller}"), "aud": audience, "role": "service",
            "iat": now, "exp": now + 86_400, "jti": Uuid::now_v7(),
        });
        self.sign(&self.header(), &claims)
    }

    fn entry(&self, state: &str) -> Value {
        json!({
            "kid": self.kid, "algorithm": self.algorithm, "state": state,
            "private": URL_SAFE_NO_PAD.encode(&self.private),
            "created_at": "2026-02-17T10:30:00Z", "activated_at": null, "retired_at": null,
        })
    }
}

pub(crate) fn write_keyring(directory: &Path, keys: &[(&TestKey, &str)]) {
    let keys: Vec<Value> = keys.iter().map(|(key, state)| key.entry(state)).collect();
    replace(&directory.join("keyring.json"), &json!({ "issuer": ISSUER, "keys": keys }));
}

pub(crate) fn write_verification_keys(directory: &Path, keys: &[&TestKey]) {
    let keys: Vec<Value> = keys.iter().map(|key| key.jwk()).collect();
    replace(&directory.join("jwks.json"), &json!({ "keys": keys }));
}

/// Whoever follows the file sees the old content or the new, never half of it.
fn replace(path: &Path, content: &Value) {
    let staged = path.with_extension("staged");
    std::fs::write(&staged, content.to_string()).unwrap();
    std::fs::rename(staged, path).unwrap();
}
