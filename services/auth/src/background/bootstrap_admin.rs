//! The first administrator, whose address and password come from mounted files.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use secrecy::SecretString;

use crate::app::{Auth, Error};

/// Opens the administrator's account when the files are there. Fails, to be tried again, while the database is
/// unavailable.
pub(crate) async fn open_bootstrap_admin(auth: Auth, directory: PathBuf) -> anyhow::Result<()> {
    let Some((email, password)) = read(&directory)? else {
        tracing::info!(path = %directory.display(), "no administrator is configured");
        return Ok(());
    };
    match auth.open_bootstrap_admin(&email, password).await {
        // Trying again would change nothing: somebody has to correct the files, and that restarts the service.
        Err(Error::Invalid(errors)) => {
            let reason = errors.iter().map(|error| format!("{}: {}", error.field, error.message));
            let reason = reason.collect::<Vec<_>>().join("; ");
            tracing::error!(path = %directory.display(), reason, "the administrator's account cannot be opened");
            Ok(())
        }
        result => result.context("cannot open the administrator's account"),
    }
}

fn read(directory: &Path) -> anyhow::Result<Option<(String, SecretString)>> {
    let file = |name: &str| match std::fs::read_to_string(directory.join(name)) {
        Ok(text) => Ok(Some(text.trim_end_matches(['\n', '\r']).to_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", directory.join(name).display())),
    };
    Ok(match (file("email")?, file("password")?) {
        (Some(email), Some(password)) => Some((email, SecretString::from(password))),
        _ => None,
    })
}
