//! Preparing a service's database.

use std::path::Path;

use anyhow::Context as _;
use kit::database::Database;
use sqlx::migrate::Migrator;

use crate::services::find;

/// Brings the database of `name` to the form that its crate expects, as the role that `file` names: the owner.
/// Safe to run twice and at the same time. Does nothing for a service without a database.
pub async fn migrate(name: &str, file: &Path) -> anyhow::Result<()> {
    let service = find(name)?;
    let Some(migrator) = (service.migrations)() else {
        tracing::info!(service = name, "no database, nothing to migrate");
        return Ok(());
    };
    let settings = crate::services::settings(name, file)?;
    let mut migrator = Migrator::with_migrations(migrator.iter().cloned().collect());
    // A release that is rolled back meets the migrations of the newer one, and runs with them.
    migrator.set_ignore_missing(true);
    let pool = Database::connect(service.name, &settings)?.pool();
    let result = async {
        kit::database::migrator().run(&pool).await?;
        migrator.run(&pool).await
    };
    let result = result.await;
    pool.close().await;
    result.with_context(|| format!("cannot migrate the database of `{name}`"))?;
    tracing::info!(service = name, migrations = migrator.iter().count(), "database is up to date");
    Ok(())
}
