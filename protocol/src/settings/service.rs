//! The settings that all services share.

use std::collections::BTreeMap;
use std::net::{Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::paths::{self, Mount, Paths};

/// The `service` section of a configuration file. Every key has a default that fits a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Service {
    /// Address to serve HTTP on. `PORT` in the environment overrides the port.
    pub listen: SocketAddr,
    /// Address to serve probes and metrics on; null for none. The services of one process need one each.
    pub internal_listen: Option<SocketAddr>,
    /// Maximum number of open connections of clients.
    pub max_client_connections: usize,
    /// Maximum number of open connections of one client: a public IPv4 address, or a public IPv6 network of 64 bits.
    pub max_connections_per_client: usize,
    /// Serves `POST /debug/panic/handler` and `/debug/panic/task` on the internal address, which panic. For tests of
    /// the program as it ships.
    pub debug_panics: bool,
    /// Name of this process among its replicas; `HOSTNAME` when empty.
    pub instance: String,
    /// Filter of log lines, such as `info` or `info,kit=debug`. `LOG_LEVEL` overrides it.
    pub log_level: String,
    /// `iss` that tokens must carry.
    pub issuer: String,
    /// Directory whose file `url` says how to reach the database. `DATABASE_URL` overrides it.
    pub database_dir: PathBuf,
    /// NATS servers, separated by commas.
    pub nats_url: String,
    /// Credentials of the NATS user; read again at each reconnect. No such file means no credentials.
    pub nats_credentials: PathBuf,
    /// Prefix of the subjects on which replies arrive; only this user may subscribe to them.
    pub nats_inbox_prefix: String,
    /// JSON Web Key Set that tokens are verified with; watched.
    pub verification_keys: PathBuf,
    /// Directory of service tokens, one file per callee; watched.
    pub tokens_dir: PathBuf,
    /// OTLP/HTTP endpoint for traces; none are exported when absent.
    pub otlp_endpoint: Option<Url>,
    /// Maximum number of database connections of this process.
    pub max_connections: u32,
    /// How long `/ready` answers 503 at shutdown before connections are refused, in seconds.
    pub drain_seconds: u64,
    /// Base URLs of other services by name.
    pub services: BTreeMap<String, Url>,
}

impl Service {
    /// The defaults for the service of that name in `topology`.
    pub fn of(name: &str) -> Self {
        let service = topology::service(name);
        Self {
            listen: listen(service.map_or(0, |service| service.port)),
            nats_inbox_prefix: paths::inbox_prefix(name),
            max_connections: service.map_or(0, |service| service.connections),
            ..Self::default()
        }
    }

    /// The defaults for the service of that name, with what it is given in `paths`.
    pub fn at(name: &str, paths: &Paths) -> Self {
        Self {
            database_dir: paths.mount(Mount::Database),
            nats_credentials: paths.file(Mount::Nats, paths::CREDENTIALS_FILE),
            verification_keys: paths.file(Mount::VerificationKeys, paths::JWKS_FILE),
            tokens_dir: paths.mount(Mount::Tokens),
            ..Self::of(name)
        }
    }

    /// Base URL of another service, when known.
    pub fn url_of(&self, service: &str) -> Option<&Url> {
        self.services.get(service)
    }
}

/// Every address of the machine, IPv6 and IPv4.
fn listen(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv6Addr::UNSPECIFIED, port))
}

impl Default for Service {
    fn default() -> Self {
        let services = topology::SERVICES
            .iter()
            .filter_map(|service| {
                let url = Url::parse(&format!("http://{}:{}", service.name, service.port)).ok()?;
                Some((service.name.to_owned(), url))
            })
            .collect();
        let paths = Paths::mounted();
        Self {
            listen: listen(0),
            internal_listen: Some(listen(topology::INTERNAL_PORT)),
            max_client_connections: topology::MAX_CLIENT_CONNECTIONS,
            max_connections_per_client: topology::MAX_CONNECTIONS_PER_CLIENT,
            debug_panics: false,
            instance: String::new(),
            log_level: "info".to_owned(),
            issuer: "https://shop".to_owned(),
            database_dir: paths.mount(Mount::Database),
            nats_url: "nats://shop-nats:4222".to_owned(),
            nats_credentials: paths.file(Mount::Nats, paths::CREDENTIALS_FILE),
            nats_inbox_prefix: "_INBOX".to_owned(),
            verification_keys: paths.file(Mount::VerificationKeys, paths::JWKS_FILE),
            tokens_dir: paths.mount(Mount::Tokens),
            otlp_endpoint: None,
            max_connections: 10,
            drain_seconds: topology::DRAIN.as_secs(),
            services,
        }
    }
}
