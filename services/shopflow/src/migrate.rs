//! Preparing a service's database.

use std::path::Path;

use anyhow::Context as _;

use crate::services::find;

/// Brings the database of `name` to the form that its crate expects, as the role that `file` names: the owner.
/// Safe to run twice and at the same time. Does nothing for a service without a database.
pub async fn migrate(name: &str, file: &Path) -> anyhow::Result<()> {
    let service = find(name)?;
    let Some(migrations) = (service.migrations)() else {
        tracing::info!(service = name, "no database, nothing to migrate");
        return Ok(());
    };
    let settings = crate::services::settings(name, file)?;
    kit::database::migrate(&settings, migrations)
        .await
        .with_context(|| format!("cannot migrate the database of `{name}`"))?;
    tracing::info!(service = name, migrations = migrations.iter().count(), "database is up to date");
    Ok(())
}
