//! The service's PostgreSQL pool, and its replacement when the login changes.

use std::path::Path;
use std::str::FromStr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tokio::sync::watch;

use crate::config;
use crate::watch::Following;

/// How long a request waits for a connection before it is answered 503.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
/// A replaced pool is closed after this, when no request can hold it any more (requests end after 30 s).
const DRAIN: Duration = Duration::from_secs(35);

/// The current pool. Clones share it.
#[derive(Clone)]
pub struct Database(Arc<Inner>);

struct Inner {
    pool: ArcSwap<PgPool>,
    following: OnceLock<Following>,
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
}

impl Database {
    /// A pool for the URL in `database_dir/url`, or `DATABASE_URL` in the environment, which wins and is
    /// not followed. Connects when first used, so a service starts while PostgreSQL is away. When the file
    /// changes, a pool with the new login is tried, takes over once it works, and the old one drains.
    /// Needs a Tokio runtime.
    pub fn connect(config: &config::Service) -> Result<Self, DatabaseError> {
        let size = config.max_connections;
        if let Ok(url) = std::env::var("DATABASE_URL") {
            return Ok(Self::from_pool(lazy(&url, size)?));
        }
        Self::follow(&config.database_dir, size)
    }

    /// [`Self::connect`] for the file `url` in `directory` alone, with at most `size` connections.
    pub fn follow(directory: &Path, size: u32) -> Result<Self, DatabaseError> {
        let path = directory.join("url");
        let url = std::fs::read_to_string(&path)
            .map_err(|source| DatabaseError::NoUrl { path: path.display().to_string(), source })?;
        let database = Self::from_pool(lazy(&url, size)?);
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

    /// A database with this pool for good.
    pub fn from_pool(pool: PgPool) -> Self {
        Self(Arc::new(Inner { pool: ArcSwap::from_pointee(pool), following: OnceLock::new() }))
    }

    /// The current pool. Take it anew for each use: a pool kept for longer than a request may have been replaced.
    pub fn pool(&self) -> PgPool {
        PgPool::clone(&self.0.pool.load())
    }

    /// Whether PostgreSQL answers.
    pub async fn ping(&self) -> Result<(), sqlx::Error> {
        sqlx::query("SELECT 1").execute(&self.pool()).await.map(|_| ())
    }
}

/// Whether the error means that the database is away, rather than that it refused a statement.
pub fn is_away(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::Io(_)
        | sqlx::Error::WorkerCrashed => true,
        // 57P01 admin_shutdown, 57P02 crash_shutdown, 57P03 cannot_connect_now, 53300 too_many_connections,
        // class 08 connection exceptions (PostgreSQL manual, appendix A).
        sqlx::Error::Database(error) => error.code().is_some_and(|code| {
            matches!(&*code, "57P01" | "57P02" | "57P03" | "53300") || code.starts_with("08")
        }),
        _ => false,
    }
}

/// Ends when the database is dropped, because its file is then followed no more.
async fn replace_on_change(inner: std::sync::Weak<Inner>, mut changes: watch::Receiver<String>, size: u32) {
    while changes.changed().await.is_ok() {
        let url = changes.borrow_and_update().clone();
        let pool = match lazy(&url, size) {
            Ok(pool) => pool,
            Err(error) => {
                tracing::error!(%error, "new database login refused, keeping the one before");
                continue;
            }
        };
        if !becomes_usable(&pool, &changes).await {
            continue;
        }
        let Some(inner) = inner.upgrade() else { return };
        let old = inner.pool.swap(Arc::new(pool));
        tracing::info!("database login replaced");
        tokio::spawn(async move {
            tokio::time::sleep(DRAIN).await;
            old.close().await;
        });
    }
}

/// Tries the pool until it works; false when the file changed again meanwhile.
async fn becomes_usable(pool: &PgPool, changes: &watch::Receiver<String>) -> bool {
    loop {
        match pool.acquire().await {
            Ok(_) => return true,
            Err(error) => tracing::warn!(%error, "new database login does not work yet"),
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        if changes.has_changed().unwrap_or(true) {
            return false;
        }
    }
}

fn lazy(url: &str, size: u32) -> Result<PgPool, DatabaseError> {
    let options = PgConnectOptions::from_str(url.trim()).map_err(|_| DatabaseError::InvalidUrl)?;
    Ok(PgPoolOptions::new()
        .max_connections(size)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // Saves a round trip each time; a broken connection shows in its first statement.
        .test_before_acquire(false)
        .connect_lazy_with(options.application_name("shopflow")))
}
