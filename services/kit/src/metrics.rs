//! Metrics, one registry a service, in the OpenMetrics text format.

mod connections;
mod dependencies;
mod pool;
mod process;
mod requests;

pub(crate) use connections::{Connections, Cut, ListenerMetrics, Refused};
pub(crate) use requests::{InFlight, Requests};

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Metric;

use crate::auth::Revocations;
use crate::database::Database;

/// `Content-Type` of [`Registry::encode`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The metrics of one service; each carries the label `service`. Clones share them.
#[derive(Clone)]
pub struct Registry(Arc<Inner>);

struct Inner {
    service: &'static str,
    registry: Mutex<prometheus_client::registry::Registry>,
    /// Families that several parts of a service add to; a name may be registered only once.
    requests: OnceLock<Requests>,
    connections: OnceLock<Connections>,
}

impl Registry {
    /// A registry with the figures of the process.
    pub fn new(service: &'static str) -> Self {
        let labels = [("service".into(), service.into())];
        let mut registry = prometheus_client::registry::Registry::with_labels(labels.into_iter());
        registry.register_collector(Box::new(process::ProcessCollector));
        let registry = Mutex::new(registry);
        Self(Arc::new(Inner { service, registry, requests: OnceLock::new(), connections: OnceLock::new() }))
    }

    /// Name of the service.
    pub fn service(&self) -> &'static str {
        self.0.service
    }

    /// Adds `metric` and returns it. Counters get `_total` appended to their name.
    pub fn register<M: Metric + Clone>(&self, name: &str, help: &str, metric: M) -> M {
        self.locked(|registry| registry.register(name, help, metric.clone()));
        metric
    }

    /// Adds the sizes of the database pool.
    pub fn watch_pool(&self, database: Database) {
        self.locked(|registry| {
            registry.register_collector(Box::new(pool::PoolCollector(database)));
        });
    }

    /// Adds whether NATS is connected.
    pub fn watch_nats(&self, nats: async_nats::Client) {
        self.locked(|registry| {
            registry.register_collector(Box::new(dependencies::NatsCollector(nats)));
        });
    }

    /// Adds how current the revocations are, and how many are held.
    pub fn watch_revocations(&self, revocations: Revocations) {
        self.locked(|registry| {
            registry.register_collector(Box::new(dependencies::RevocationsCollector(revocations)));
        });
    }

    /// All metrics as text.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        self.locked(|registry| {
            // Writing to a String cannot fail.
            let _ = encode(&mut text, registry);
        });
        text
    }

    pub(crate) fn requests(&self) -> Requests {
        self.0.requests.get_or_init(|| Requests::new(self)).clone()
    }

    pub(crate) fn connections(&self) -> Connections {
        self.0.connections.get_or_init(|| Connections::new(self)).clone()
    }

    fn locked<T>(&self, f: impl FnOnce(&mut prometheus_client::registry::Registry) -> T) -> T {
        f(&mut self.0.registry.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
