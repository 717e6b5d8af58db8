//! The pool of services whose stores still use sqlx.

use std::str::FromStr;
use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use super::{Database, DatabaseError};

impl Database {
    /// The current pool. Take it again for each use: it may have been replaced.
    pub fn pool(&self) -> PgPool {
        self.0.login.load().legacy.clone()
    }
}

/// Whether the error means that the database is unavailable, rather than that it refused a statement.
pub fn is_away(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::Io(_)
        | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| {
            matches!(&*code, "57P01" | "57P02" | "57P03" | "53300") || code.starts_with("08")
        }),
        _ => false,
    }
}

pub(super) fn lazy(url: &str, size: u32) -> Result<PgPool, DatabaseError> {
    let options = PgConnectOptions::from_str(url.trim()).map_err(|_| DatabaseError::InvalidUrl)?;
    Ok(PgPoolOptions::new()
        .max_connections(size)
        .acquire_timeout(Duration::from_secs(3))
        .test_before_acquire(false)
        .connect_lazy_with(options))
}

impl Database {
    /// The same database as a pool of a test, as the administrator.
    pub fn from_pool(pool: &PgPool) -> Self {
        let options = pool.connect_options();
        let name = options.get_database().unwrap_or("postgres");
        let url = format!(
            "postgres://postgres@{}:{}/{name}?sslmode=disable",
            options.get_host(),
            options.get_port()
        );
        Self::from_url(&url, 10).expect("a test's URL")
    }
}
