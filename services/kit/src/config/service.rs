//! The settings that all services share.

use std::collections::BTreeMap;
use std::net::{Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::lifecycle::{Limits, Serving};

/// The `service` section of a configuration file. Every key has a default that fits a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Service {
    /// Address to serve HTTP on. `PORT` in the environment overrides the port.
    pub listen: SocketAddr,
    /// Address to serve probes and metrics on; null for none. The services of one process need one each.
    pub internal_listen: Option<SocketAddr>,
    /// Most open connections of clients.
    pub max_client_connections: usize,
    /// Most open connections of one client, as [`crate::lifecycle::Limits`] defines it.
    pub max_connections_per_client: usize,
    /// Serves `POST /debug/panic/handler` and `/debug/panic/task` on the internal address, which panic. For tests of
    /// the program as it ships.
    pub debug_panics: bool,
    /// Name of this process among its replicas; `HOSTNAME` when absent.
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
    /// Directory of service tokens, one file a callee; watched.
    pub tokens_dir: PathBuf,
    /// OTLP/HTTP endpoint for traces; none are exported when absent.
    pub otlp_endpoint: Option<Url>,
    /// Most database connections of this process.
    pub max_connections: u32,
    /// How long `/ready` answers 503 at shutdown before connections are refused.
    pub drain_seconds: u64,
    /// Base URLs of other services by name.
    pub services: BTreeMap<String, Url>,
}

impl Service {
    /// The defaults for the service of that name in `topology`.
    pub fn of(name: &str) -> Self {
        let port = topology::service(name).map_or(0, |service| service.port);
        Self {
            listen: SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)),
            nats_inbox_prefix: format!("_INBOX_{name}"),
            ..Self::default()
        }
    }

    /// How the process serves and stops.
    pub fn serving(&self) -> Serving {
        let limits = Limits {
            connections: self.max_client_connections,
            connections_per_client: self.max_connections_per_client,
            ..Limits::default()
        };
        Serving { limits, drain: Duration::from_secs(self.drain_seconds), ..Serving::default() }
    }

    /// Base URL of another service, when known.
    pub fn url_of(&self, service: &str) -> Option<&Url> {
        self.services.get(service)
    }

    /// Applies the environment variables that people set when they run a service by hand.
    pub(super) fn apply_environment(
        &mut self,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<(), String> {
        if let Some(port) = variable("PORT") {
            let port = port.parse().map_err(|_| format!("PORT is {port:?}, but must be a port number"))?;
            self.listen.set_port(port);
        }
        if let Some(level) = variable("LOG_LEVEL") {
            self.log_level = level;
        }
        if self.instance.is_empty() {
            self.instance = variable("HOSTNAME").unwrap_or_else(|| "local".to_owned());
        }
        Ok(())
    }
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
        Self {
            listen: SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
            internal_listen: Some(SocketAddr::from((Ipv6Addr::UNSPECIFIED, topology::INTERNAL_PORT))),
            max_client_connections: Limits::default().connections,
            max_connections_per_client: Limits::default().connections_per_client,
            debug_panics: false,
            instance: String::new(),
            log_level: "info".to_owned(),
            issuer: "https://shop".to_owned(),
            database_dir: "/etc/shopflow/database".into(),
            nats_url: "nats://shop-nats:4222".to_owned(),
            nats_credentials: "/etc/shopflow/nats/user.creds".into(),
            nats_inbox_prefix: "_INBOX".to_owned(),
            verification_keys: "/etc/shopflow/verification-keys/jwks.json".into(),
            tokens_dir: "/etc/shopflow/tokens".into(),
            otlp_endpoint: None,
            max_connections: 10,
            drain_seconds: topology::DRAIN.as_secs(),
            services,
        }
    }
}
