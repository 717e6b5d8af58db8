//! Credentials in mounted files, read for every message so that a replaced Secret takes effect at once.

use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::SendError;

/// A directory with one file for each credential.
#[derive(Debug, Clone)]
pub(super) struct CredentialsDir(PathBuf);

impl CredentialsDir {
    pub(super) fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// The file's content without surrounding white space. A file that is missing may be on its way.
    pub(super) async fn read(&self, file: &str) -> Result<SecretString, SendError> {
        match tokio::fs::read_to_string(self.0.join(file)).await {
            Ok(text) if !text.trim().is_empty() => Ok(SecretString::from(text.trim().to_owned())),
            Ok(_) => Err(SendError::unavailable(format!("the credentials file {file} is empty"))),
            Err(error) => Err(SendError::unavailable(format!(
                "the credentials file {file} cannot be read: {}",
                error.kind()
            ))),
        }
    }
}
