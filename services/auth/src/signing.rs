//! Signing access tokens with the active key of the mounted keyring.

mod keyring;

use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use jsonwebtoken::Header;
use kit::auth::{Claims, TOKEN_TYPE};
use kit::watch::{Following, follow};

use keyring::{KeyringError, SigningKey};

/// A token could not be signed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SignError {
    /// No usable keyring has been read yet.
    #[error("there is no signing key yet")]
    NoKey,
    /// The key did not sign.
    #[error("signing failed")]
    Failed(#[from] jsonwebtoken::errors::Error),
}

/// Signs with whichever key is active now. Clones share the key.
#[derive(Clone, Default)]
pub(crate) struct Signer {
    key: Arc<ArcSwapOption<SigningKey>>,
}

impl Signer {
    /// Signs with the keyring in the file `path`, as long as the answer is kept.
    pub(crate) fn follow(&self, path: &Path) -> Following {
        let (signer, shown) = (self.clone(), path.display().to_string());
        follow(path, move |content| {
            if let Err(error) = signer.load(content) {
                tracing::error!(path = %shown, %error, "keyring refused, the signing key before stays in use");
            }
        })
    }

    /// Takes the active key of a keyring; the key before stays in use when the keyring is unusable.
    fn load(&self, keyring: &[u8]) -> Result<(), KeyringError> {
        let key = keyring::active_key(keyring)?;
        let before = self.key.swap(Some(Arc::new(key)));
        let kid = self.key_id();
        if before.map(|key| key.kid.clone()) != kid {
            tracing::info!(key.id = kid, "signing key in use");
        }
        Ok(())
    }

    /// Identifier of the key that signs now.
    pub(crate) fn key_id(&self) -> Option<String> {
        self.key.load().as_ref().map(|key| key.kid.clone())
    }

    /// Signs an access token.
    pub(crate) fn sign(&self, claims: &Claims) -> Result<String, SignError> {
        let key = self.key.load_full().ok_or(SignError::NoKey)?;
        let header =
            Header { typ: Some(TOKEN_TYPE.into()), kid: Some(key.kid.clone()), ..Header::new(key.algorithm) };
        Ok(jsonwebtoken::encode(&header, claims, &key.key)?)
    }
}
