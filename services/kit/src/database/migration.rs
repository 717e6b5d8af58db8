//! Bringing a database to the tables that a release expects.
//!
//! The one place where sqlx talks to a service's database: its migrator and the tables in which it remembers what was
//! run. A migration runs before the service, as the owner of the database, on a connection of its own.

use std::str::FromStr;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection as _, PgConnection};

use super::{DatabaseError, URL_FILE, from_environment, read};
use crate::config;

static MIGRATIONS: Migrator = sqlx::migrate!();

/// How long PostgreSQL may take to accept the connection.
const CONNECT: Duration = Duration::from_secs(10);

/// Why a database is not up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// It is not known where the database is.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// PostgreSQL refused the connection.
    #[error("PostgreSQL refuses the connection: check the URL, and that the server runs")]
    Refused(#[source] sqlx::Error),
    /// PostgreSQL did not answer.
    #[error("PostgreSQL did not answer in {CONNECT:?}: check the URL, and that the server runs")]
    Silent,
    /// A migration could not be run, or is not what was run before. Those before it stay.
    #[error("a migration cannot be run: correct it, then migrate again")]
    Failed(#[from] MigrateError),
}

/// kit's own tables: outbox, inbox, idempotency keys, jobs. Run before each service's own migrations, and
/// remembered in a table of their own. A release that is rolled back ignores the newer one's.
pub fn migrator() -> Migrator {
    let mut migrator = lenient(&MIGRATIONS);
    migrator.dangerous_set_table_name("_kit_migrations");
    migrator
}

/// Brings the database of a service to the form that this release expects: kit's tables, then those of `own`. Safe to
/// run twice and at the same time. The URL is that of [`super::Database::connect`], for the role that owns the tables.
pub async fn migrate(config: &config::Service, own: &Migrator) -> Result<(), MigrationError> {
    let url = from_environment().map_or_else(|| read(&config.database_dir.join(URL_FILE)), Ok)?;
    migrate_url(&url, own).await
}

/// [`migrate`] for the database at that URL.
pub async fn migrate_url(url: &str, own: &Migrator) -> Result<(), MigrationError> {
    let options = PgConnectOptions::from_str(url.trim()).map_err(|_| DatabaseError::InvalidUrl)?;
    let connecting = tokio::time::timeout(CONNECT, PgConnection::connect_with(&options)).await;
    let mut connection = connecting.map_err(|_| MigrationError::Silent)?.map_err(MigrationError::Refused)?;
    let result = run(&mut connection, own).await;
    // The work is done or has failed; how the connection ends changes neither.
    let _ = connection.close().await;
    Ok(result?)
}

async fn run(connection: &mut PgConnection, own: &Migrator) -> Result<(), MigrateError> {
    migrator().run(&mut *connection).await?;
    lenient(own).run(connection).await
}

/// The same migrations; those that the database remembers and the release does not have are of a newer release, or of
/// one that kept kit's tables among the service's own.
fn lenient(migrator: &Migrator) -> Migrator {
    let mut migrator = Migrator::with_migrations(migrator.iter().cloned().collect());
    migrator.set_ignore_missing(true);
    migrator
}
