//! The service's PostgreSQL database: statements, transactions, and what happens when the server is gone.
//!
//! A [`Database`] is a pool of connections and a watchdog. [`Query`] runs statements on it, each for itself,
//! or in a [`Transaction`] that also carries the events of its effect. A server that is silent, rather than
//! closed, is noticed within 2 s: then statements end with [`Error::Unavailable`], which is answered 503.

mod availability;
mod connect;
mod deferred;
mod error;
mod migration;
mod query;
mod session;
mod statement;
mod transaction;

use std::path::Path;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use deadpool_postgres::{ClientWrapper, Pool};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

pub use deferred::Returned;
pub use error::Error;
pub use migration::{MigrationError, migrate, migrate_url, migrator};
pub use query::{Parameters, Query};
pub use sqlx::migrate::Migrator;
pub use statement::Statement;
pub use tokio_postgres::Row;
pub use tokio_postgres::types::{Json, ToSql};
pub use transaction::{Aggregate, Transaction};

use crate::config;
use crate::watch::Following;
use availability::{Availability, Watchdog};
use connect::Connector;
use session::Session;

/// The file in `database_dir` that says where the database is.
const URL_FILE: &str = "url";
/// A replaced pool is closed after this, when no request can hold it any more (requests end after 30 s).
const DRAIN: Duration = Duration::from_secs(35);
/// Pause before a new login that does not work yet is tried again.
const RETRY: Duration = Duration::from_millis(500);

/// The current pool. Clones share it.
#[derive(Clone)]
pub struct Database(Arc<Inner>);

struct Inner {
    login: ArcSwap<Login>,
    availability: Availability,
    application: String,
    /// Rows were committed to the outbox.
    appended: watch::Sender<u64>,
    following: OnceLock<Following>,
    watchdog: OnceLock<AbortOnDropHandle<()>>,
}

/// A pool, and how its connections are made.
struct Login {
    connector: Connector,
    pool: Pool,
}

/// Why there is no pool.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// Neither the file nor the variable says where the database is.
    #[error("cannot read {path}: mount the database's Secret there, or set DATABASE_URL")]
    NoUrl {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The URL cannot be read. It is not shown, because it holds a password.
    #[error("the database URL is not of the form postgres://role:password@host:port/database")]
    InvalidUrl,
    /// The file of `sslrootcert` cannot be read.
    #[error("the certificate authorities in {path} cannot be used: {message}")]
    Authorities {
        /// The file.
        path: String,
        /// What is wrong with it.
        message: String,
    },
    /// TLS cannot be set up.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
}

impl Login {
    fn new(url: &str, application: &str, size: u32) -> Result<Self, DatabaseError> {
        let connector = Connector::from_url(url, application)?;
        let pool = connector.pool(size);
        Ok(Self { connector, pool })
    }
}

impl Database {
    /// A pool for the URL in `database_dir/url`, or `DATABASE_URL` in the environment, which wins and is
    /// not followed. Connects when first used, so a service starts while PostgreSQL is unavailable. When
    /// the file changes, a pool with the new login is tried, takes over once it works, and the old one
    /// drains. `service` is how PostgreSQL's own views name the connections. Needs a Tokio runtime.
    pub fn connect(service: &str, config: &config::Service) -> Result<Self, DatabaseError> {
        let (size, application) = (config.max_connections, format!("{service}/{}", config.instance));
        if let Some(url) = from_environment() {
            return Ok(Self::with(Login::new(&url, &application, size)?, application));
        }
        Self::follow_as(&config.database_dir, size, application)
    }

    /// [`Self::connect`] for the file `url` in `directory` alone, with at most `size` connections.
    pub fn follow(directory: &Path, size: u32) -> Result<Self, DatabaseError> {
        Self::follow_as(directory, size, "shopflow".to_owned())
    }

    /// A database with this login for good.
    pub fn from_url(url: &str, size: u32) -> Result<Self, DatabaseError> {
        let application = "shopflow".to_owned();
        Ok(Self::with(Login::new(url, &application, size)?, application))
    }

    fn follow_as(directory: &Path, size: u32, application: String) -> Result<Self, DatabaseError> {
        let path = directory.join(URL_FILE);
        let url = read(&path)?;
        let database = Self::with(Login::new(&url, &application, size)?, application);
        let (urls, changes) = watch::channel(url);
        let following = crate::watch::follow(&path, move |content| {
            let url = String::from_utf8_lossy(content).into_owned();
            urls.send_if_modified(|known| {
                let differs = known.trim() != url.trim();
                if differs {
                    *known = url;
                }
                differs
            });
        });
        tokio::spawn(replace_on_change(Arc::downgrade(&database.0), changes, size));
        let _ = database.0.following.set(following);
        Ok(database)
    }

    fn with(login: Login, application: String) -> Self {
        let (watchdog, availability) = Watchdog::new();
        let inner = Arc::new(Inner {
            login: ArcSwap::from_pointee(login),
            availability,
            application,
            appended: watch::Sender::new(0),
            following: OnceLock::new(),
            watchdog: OnceLock::new(),
        });
        // Only now: one that finds no database to watch ends.
        let watching = AbortOnDropHandle::new(tokio::spawn(watchdog.run(Arc::downgrade(&inner))));
        let _ = inner.watchdog.set(watching);
        Self(inner)
    }

    /// Begins a transaction. `BEGIN` travels with its first statement.
    pub async fn begin(&self) -> Result<Transaction, Error> {
        Ok(Transaction::new(self.session().await?, self.clone()))
    }

    /// Whether PostgreSQL answered when it was last asked, at most 2 s ago. False before the first answer.
    pub fn is_available(&self) -> bool {
        self.0.availability.is_available()
    }

    /// Whether PostgreSQL answers now.
    pub async fn ping(&self) -> Result<(), Error> {
        self.execute("SELECT 1", &[]).await.map(|_| ())
    }

    /// A connection of its own, outside the pool; notifications to it call `notified`.
    pub(crate) async fn connection(
        &self,
        notified: impl FnMut() + Send + 'static,
    ) -> Result<ClientWrapper, Error> {
        let login = self.0.login.load_full();
        let connected = tokio::time::timeout(connect::ACQUIRE, login.connector.connect(notified)).await;
        match connected {
            Ok(client) => Ok(client?),
            Err(_) => Err(Error::Unavailable("the server does not answer".to_owned())),
        }
    }

    /// Changes when this process has committed events.
    pub(crate) fn appended(&self) -> watch::Receiver<u64> {
        self.0.appended.subscribe()
    }

    /// Returns when the server stops answering.
    pub(crate) async fn lost(&self) {
        self.0.availability.lost().await;
    }

    /// Sizes of the pool: connections open, of these unused, and the maximum.
    pub(crate) fn pool_sizes(&self) -> (usize, usize, usize) {
        let status = self.0.login.load().pool.status();
        (status.size, status.available, status.max_size)
    }

    async fn session(&self) -> Result<Session, Error> {
        let availability = &self.0.availability;
        let lost = || Error::Unavailable("the server does not answer".to_owned());
        if availability.is_lost() {
            return Err(lost());
        }
        let login = self.0.login.load_full();
        tokio::select! {
            biased;
            client = login.pool.get() => match client {
                Ok(client) => Ok(Session::new(client, availability.clone())),
                Err(deadpool_postgres::PoolError::Backend(error)) => Err(error.into()),
                Err(error) => Err(Error::Unavailable(error.to_string())),
            },
            () = availability.lost() => Err(lost()),
        }
    }
}

fn from_environment() -> Option<String> {
    std::env::var("DATABASE_URL").ok()
}

fn read(path: &Path) -> Result<String, DatabaseError> {
    std::fs::read_to_string(path)
        .map_err(|source| DatabaseError::NoUrl { path: path.display().to_string(), source })
}

/// Ends when the database is dropped, because its file is then followed no more.
async fn replace_on_change(inner: Weak<Inner>, mut changes: watch::Receiver<String>, size: u32) {
    while changes.changed().await.is_ok() {
        let url = changes.borrow_and_update().clone();
        let Some(application) = inner.upgrade().map(|inner| inner.application.clone()) else { return };
        let login = match Login::new(&url, &application, size) {
            Ok(login) => login,
            Err(error) => {
                tracing::error!(%error, "new database login refused, keeping the one before");
                continue;
            }
        };
        if !becomes_usable(&login.pool, &changes).await {
            continue;
        }
        let Some(inner) = inner.upgrade() else { return };
        let old = inner.login.swap(Arc::new(login));
        tracing::info!("database login replaced");
        tokio::spawn(async move {
            tokio::time::sleep(DRAIN).await;
            old.pool.close();
        });
    }
}

/// Tries the pool until it works; false when the file changed again meanwhile.
async fn becomes_usable(pool: &Pool, changes: &watch::Receiver<String>) -> bool {
    loop {
        match pool.get().await {
            Ok(_) => return true,
            Err(error) => tracing::warn!(%error, "new database login does not work yet"),
        }
        tokio::time::sleep(RETRY).await;
        if changes.has_changed().unwrap_or(true) {
            return false;
        }
    }
}
