//! Connections of the administrator, and the URLs that services get.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr as _;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgSslMode};
use sqlx::{ConnectOptions as _, PgPool};

const PATIENCE: Duration = Duration::from_secs(10);
const IDLE: Duration = Duration::from_mins(1);

/// A server seen by its administrator: at most one connection a database, closed when idle. Nothing connects before the
/// first query.
pub struct Server {
    options: PgConnectOptions,
    pools: Mutex<HashMap<Option<String>, PgPool>>,
}

impl Server {
    /// A server at the administrator's URL; only the form of the URL is checked.
    pub fn new(url: &SecretString) -> Result<Self, sqlx::Error> {
        // Statements may hold verifiers, so none is logged.
        let options = PgConnectOptions::from_str(url.expose_secret())?
            .application_name("shopflow-operator")
            .disable_statement_logging();
        Ok(Self { options, pools: Mutex::default() })
    }

    /// Where this server is, for services that reach it the same way.
    pub fn endpoint(&self) -> Endpoint {
        let sslmode = match self.options.get_ssl_mode() {
            PgSslMode::Disable => "disable",
            PgSslMode::Allow => "allow",
            PgSslMode::Prefer => "prefer",
            PgSslMode::Require => "require",
            PgSslMode::VerifyCa => "verify-ca",
            PgSslMode::VerifyFull => "verify-full",
        };
        Endpoint {
            host: self.options.get_host().to_owned(),
            port: self.options.get_port(),
            sslmode: sslmode.to_owned(),
        }
    }

    /// The administrator's own database.
    pub(super) fn admin(&self) -> PgPool {
        self.pool(None)
    }

    /// Another database, as the administrator.
    pub(super) fn database(&self, name: &str) -> PgPool {
        self.pool(Some(name.to_owned()))
    }

    /// The same server, as someone else.
    pub(super) fn login(&self, database: &str, role: &str, password: &SecretString) -> PgConnectOptions {
        self.options.clone().database(database).username(role).password(password.expose_secret())
    }

    fn pool(&self, database: Option<String>) -> PgPool {
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        let pool = pools.entry(database).or_insert_with_key(|database| {
            let options = match database {
                Some(name) => self.options.clone().database(name),
                None => self.options.clone(),
            };
            PgPoolOptions::new()
                .max_connections(1)
                .acquire_timeout(PATIENCE)
                .idle_timeout(IDLE)
                .connect_lazy_with(options)
        });
        pool.clone()
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Server")
            .field("host", &self.options.get_host())
            .field("port", &self.options.get_port())
            .finish_non_exhaustive()
    }
}

/// Where services find the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// `sslmode` of PostgreSQL: `disable`, `require`, `verify-full`.
    pub sslmode: String,
}

impl Endpoint {
    /// A URL for a role, with its password: a secret. The passwords need no escaping, see [`super::logins::new_password`].
    pub fn url(&self, database: &str, role: &str, password: &SecretString) -> SecretString {
        let Self { host, port, sslmode } = self;
        // A literal IPv6 address needs brackets in a URL.
        let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        format!("postgres://{role}:{}@{host}:{port}/{database}?sslmode={sslmode}", password.expose_secret())
            .into()
    }
}
