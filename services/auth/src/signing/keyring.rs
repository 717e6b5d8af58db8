//! The active key of a keyring, and proof that it signs.

use jsonwebtoken::{Algorithm, EncodingKey};
use protocol::keyring::{self as file, Keyring};

/// A keyring that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyringError {
    /// The file is not a keyring, or one that nobody could sign with.
    #[error(transparent)]
    File(#[from] file::KeyringError),
    /// The active key does not sign.
    #[error("key {kid} does not sign")]
    Unusable {
        /// Key identifier.
        kid: String,
        /// Cause.
        source: jsonwebtoken::errors::Error,
    },
}

/// The active key.
pub(super) struct SigningKey {
    pub(super) kid: String,
    pub(super) algorithm: Algorithm,
    pub(super) key: EncodingKey,
}

/// Finds the active key in a keyring, and proves that it signs.
pub(super) fn active_key(json: &[u8]) -> Result<SigningKey, KeyringError> {
    let keyring = Keyring::parse(json)?;
    let active = keyring.active();
    let private = active.private_bytes()?;
    let (algorithm, key) = match active.algorithm {
        file::Algorithm::EdDSA => (Algorithm::EdDSA, EncodingKey::from_ed_der(&private)),
        file::Algorithm::ES256 => (Algorithm::ES256, EncodingKey::from_ec_der(&private)),
        file::Algorithm::HS256 => (Algorithm::HS256, EncodingKey::from_secret(&private)),
    };
    let kid = active.kid.clone();
    // Signing once finds a broken key here, not at somebody's sign-in.
    match jsonwebtoken::crypto::sign(b"proof", &key, algorithm) {
        Ok(_) => Ok(SigningKey { kid, algorithm, key }),
        Err(source) => Err(KeyringError::Unusable { kid, source }),
    }
}
