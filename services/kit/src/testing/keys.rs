//! Signing keys that exist for one test.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{EncodingKey, Header};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::auth::{Algorithm, Claims, KeySet, Role, TOKEN_TYPE, Verifier};

/// Issuer of tokens in tests.
pub const ISSUER: &str = "https://shop.test";

/// One signing key with its public half.
pub struct Keys {
    kid: String,
    algorithm: Algorithm,
    signing: EncodingKey,
    jwk: Value,
}

/// An access token to be signed.
#[derive(Debug, Clone)]
pub struct AccessToken {
    /// The person.
    pub user_id: Uuid,
    /// Their role.
    pub role: Role,
    /// Their address.
    pub email: String,
    /// Their session.
    pub session: Uuid,
    /// `iat` and `nbf`.
    pub issued_at: DateTime<Utc>,
    /// `exp` is this long after.
    pub lifetime: TimeDelta,
}

impl AccessToken {
    /// A token of `user_id` for an hour from now, in a session of its own.
    pub fn of(user_id: Uuid, role: Role) -> Self {
        Self {
            user_id,
            role,
            email: format!("{user_id}@example.com"),
            session: Uuid::now_v7(),
            issued_at: Utc::now(),
            lifetime: TimeDelta::hours(1),
        }
    }
}

#[expect(clippy::expect_used, reason = "a test without keys has to stop")]
impl Keys {
    /// A fresh Ed25519 key.
    pub fn generate() -> Self {
        Self::generate_for(Algorithm::EdDsa)
    }

    /// A fresh key for `algorithm`.
    pub fn generate_for(algorithm: Algorithm) -> Self {
        let kid = Uuid::now_v7().to_string();
        let (signing, mut jwk) = match algorithm {
            Algorithm::EdDsa => ed25519(),
            Algorithm::Es256 => p256(),
            Algorithm::Hs256 => secret(),
        };
        jwk["kid"] = json!(kid);
        jwk["use"] = json!("sig");
        Self { kid, algorithm, signing, jwk }
    }

    /// Its id.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The public half as a JWK (the secret itself for HS256).
    pub fn jwk(&self) -> &Value {
        &self.jwk
    }

    /// A JSON Web Key Set of this key alone.
    pub fn jwks(&self) -> String {
        Self::jwks_of(&[self])
    }

    /// A JSON Web Key Set of several.
    pub fn jwks_of(keys: &[&Self]) -> String {
        json!({ "keys": keys.iter().map(|key| &key.jwk).collect::<Vec<_>>() }).to_string()
    }

    /// A verifier of this key's tokens for `service`.
    pub fn verifier(&self, service: &str) -> Verifier {
        let keys = KeySet::from_json(self.jwks().as_bytes()).expect("a key set made here can be read");
        Verifier::fixed(keys, ISSUER, service)
    }

    /// Signs an access token for an hour.
    pub fn access_token(&self, user_id: Uuid, role: Role) -> String {
        self.sign_access(&AccessToken::of(user_id, role))
    }

    /// Signs an access token.
    pub fn sign_access(&self, token: &AccessToken) -> String {
        let issued_at = token.issued_at.timestamp();
        self.sign(&Claims {
            iss: ISSUER.to_owned(),
            sub: token.user_id.to_string(),
            aud: topology::ACCESS_TOKEN_AUDIENCE.to_owned(),
            role: token.role,
            email: Some(token.email.clone()),
            sid: Some(token.session),
            iat: issued_at,
            iat_ms: Some(token.issued_at.timestamp_millis()),
            nbf: Some(issued_at),
            exp: (token.issued_at + token.lifetime).timestamp(),
            jti: Uuid::now_v7().to_string(),
        })
    }

    /// Signs a token with which the service `from` may call the service `to` for a day.
    pub fn service_token(&self, from: &str, to: &str) -> String {
        let now = Utc::now();
        self.sign(&Claims {
            iss: ISSUER.to_owned(),
            sub: topology::service_subject(from),
            aud: to.to_owned(),
            role: Role::Service,
            email: None,
            sid: None,
            iat: now.timestamp(),
            iat_ms: None,
            nbf: None,
            exp: (now + TimeDelta::hours(24)).timestamp(),
            jti: Uuid::now_v7().to_string(),
        })
    }

    /// Signs any claims.
    pub fn sign(&self, claims: &Claims) -> String {
        self.sign_with_header(&self.header(), claims)
    }

    /// The header that this key's tokens have.
    pub fn header(&self) -> Header {
        let mut header = Header::new(self.algorithm.into());
        header.typ = Some(TOKEN_TYPE.to_owned());
        header.kid = Some(self.kid.clone());
        header
    }

    /// Signs any claims under any header of the same algorithm.
    pub fn sign_with_header(&self, header: &Header, claims: &Claims) -> String {
        jsonwebtoken::encode(header, claims, &self.signing).expect("claims made here can be signed")
    }
}

fn b64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[expect(clippy::expect_used, reason = "a test without keys has to stop")]
fn ed25519() -> (EncodingKey, Value) {
    let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("random numbers");
    let pair = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).expect("a key made here can be read");
    let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "x": b64(pair.public_key().as_ref()) });
    (EncodingKey::from_ed_der(pkcs8.as_ref()), jwk)
}

#[expect(clippy::expect_used, reason = "a test without keys has to stop")]
fn p256() -> (EncodingKey, Value) {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("random numbers");
    let pkcs8 = pair.to_pkcs8v1().expect("a key made here can be written");
    // An uncompressed point: 0x04, x, y.
    let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
    let jwk = json!({ "kty": "EC", "crv": "P-256", "alg": "ES256", "x": b64(x), "y": b64(y) });
    (EncodingKey::from_ec_der(pkcs8.as_ref()), jwk)
}

fn secret() -> (EncodingKey, Value) {
    let secret: [u8; 32] = rand::random();
    (EncodingKey::from_secret(&secret), json!({ "kty": "oct", "alg": "HS256", "k": b64(&secret) }))
}
