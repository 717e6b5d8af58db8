//! Key material: making it, and deriving what is published of it.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use protocol::keyring::Algorithm;
use secrecy::SecretString;
use serde::Serialize;

/// Bytes of an HS256 secret: as long as the hash, RFC 7518 section 3.2.
const HMAC_SECRET_LENGTH: usize = 32;

/// The cryptographic library refused.
#[derive(Debug, thiserror::Error)]
pub enum MaterialError {
    /// No key could be made.
    #[error("no new key could be generated")]
    Generate(#[source] aws_lc_rs::error::Unspecified),
    /// Bytes that are not a key of the algorithm.
    #[error("the private key is not one of its algorithm")]
    Form(#[source] aws_lc_rs::error::KeyRejected),
}

/// A JSON Web Key, RFC 7517, with the members that verifiers need.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Jwk {
    kty: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    crv: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    x: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    y: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    k: Option<String>,
    kid: String,
    alg: Algorithm,
    r#use: &'static str,
}

/// A new private key: PKCS#8 in base64url, or the secret itself for HS256.
pub(super) fn generate(algorithm: Algorithm) -> Result<SecretString, MaterialError> {
    let bytes = match algorithm {
        // Version 1 of PKCS#8: jsonwebtoken knows an Ed25519 key by its length in that form.
        Algorithm::EdDSA => Ed25519KeyPair::generate()
            .and_then(|pair| pair.to_pkcs8v1())
            .map(|document| document.as_ref().to_vec()),
        Algorithm::ES256 => EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
            .and_then(|pair| pair.to_pkcs8v1())
            .map(|document| document.as_ref().to_vec()),
        Algorithm::HS256 => random::<HMAC_SECRET_LENGTH>().map(|secret| secret.to_vec()),
    };
    bytes.map(|bytes| URL_SAFE_NO_PAD.encode(bytes).into()).map_err(MaterialError::Generate)
}

/// Random bytes of the operating system.
pub(super) fn random<const LENGTH: usize>() -> Result<[u8; LENGTH], aws_lc_rs::error::Unspecified> {
    let mut bytes = [0; LENGTH];
    SystemRandom::new().fill(&mut bytes)?;
    Ok(bytes)
}

/// What is published of a key, from its private part as written and as bytes. For HS256 that is the secret, since
/// whoever verifies needs it.
pub(super) fn jwk(
    kid: &str,
    algorithm: Algorithm,
    private: &str,
    bytes: &[u8],
) -> Result<Jwk, MaterialError> {
    let empty = Jwk {
        kty: "",
        crv: None,
        x: None,
        y: None,
        k: None,
        kid: kid.to_owned(),
        alg: algorithm,
        r#use: "sig",
    };
    Ok(match algorithm {
        Algorithm::EdDSA => {
            let pair = Ed25519KeyPair::from_pkcs8(bytes).map_err(MaterialError::Form)?;
            Jwk {
                kty: "OKP",
                crv: Some("Ed25519"),
                x: Some(URL_SAFE_NO_PAD.encode(pair.public_key())),
                ..empty
            }
        }
        Algorithm::ES256 => {
            let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, bytes)
                .map_err(MaterialError::Form)?;
            // Uncompressed point: 0x04, x, y; SEC 1 section 2.3.3.
            let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
            Jwk {
                kty: "EC",
                crv: Some("P-256"),
                x: Some(URL_SAFE_NO_PAD.encode(x)),
                y: Some(URL_SAFE_NO_PAD.encode(y)),
                ..empty
            }
        }
        Algorithm::HS256 => Jwk { kty: "oct", k: Some(private.to_owned()), ..empty },
    })
}
