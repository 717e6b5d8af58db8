//! What the operator measures, in the OpenMetrics text format.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

/// All metrics of the process; clones share them.
#[derive(Debug, Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    reconciles: Family<ResultLabels, Counter>,
    duration: Histogram,
    writes: Family<Write, Counter>,
    total_writes: Arc<AtomicU64>,
    outside: Family<System, Counter>,
    leader: Gauge,
    ready: Family<PlatformLabels, Gauge>,
    renewal: Family<PlatformLabels, Gauge<i64, AtomicI64>>,
    rotation: Family<PlatformLabels, Gauge<i64, AtomicI64>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabels {
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Write {
    resource: String,
    verb: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct System {
    system: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PlatformLabels {
    namespace: String,
    name: String,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Arc::default(),
            reconciles: Family::default(),
            duration: Histogram::new([0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0]),
            writes: Family::default(),
            total_writes: Arc::default(),
            outside: Family::default(),
            leader: Gauge::default(),
            ready: Family::default(),
            renewal: Family::default(),
            rotation: Family::default(),
        };
        metrics.registry = Arc::new(metrics.registered());
        metrics
    }
}

impl Metrics {
    fn registered(&self) -> Registry {
        let mut registry = Registry::with_prefix("shopflow_operator");
        registry.register("reconciles", "Reconciles by result", self.reconciles.clone());
        registry.register("reconcile_duration_seconds", "Time of a reconcile", self.duration.clone());
        registry.register(
            "kubernetes_writes",
            "Requests that change something in Kubernetes",
            self.writes.clone(),
        );
        registry.register("outside_writes", "Changes made in PostgreSQL and NATS", self.outside.clone());
        registry.register("leader", "Whether this operator leads", self.leader.clone());
        registry.register("platform_ready", "Whether a platform is ready", self.ready.clone());
        registry.register(
            "service_token_renewal_timestamp_seconds",
            "When the first service token of a platform is renewed",
            self.renewal.clone(),
        );
        registry.register(
            "signing_key_rotation_timestamp_seconds",
            "When the signing key of a platform is replaced",
            self.rotation.clone(),
        );
        registry
    }

    /// The text that Prometheus reads.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }

    /// Counts a reconcile.
    pub fn reconciled(&self, succeeded: bool, took: Duration) {
        let result = if succeeded { "success" } else { "failure" };
        self.reconciles.get_or_create(&ResultLabels { result }).inc();
        self.duration.observe(took.as_secs_f64());
    }

    /// Counts a request that changes something in Kubernetes.
    pub fn kubernetes_write(&self, resource: &str, verb: &'static str) {
        self.total_writes.fetch_add(1, Ordering::Relaxed);
        self.writes.get_or_create(&Write { resource: resource.to_owned(), verb }).inc();
    }

    /// Requests so far that change something in Kubernetes.
    pub fn kubernetes_writes(&self) -> u64 {
        self.total_writes.load(Ordering::Relaxed)
    }

    /// Counts changes in PostgreSQL or NATS.
    pub fn outside_writes(&self, system: &'static str, count: usize) {
        self.outside.get_or_create(&System { system }).inc_by(count as u64);
    }

    /// Changes so far in PostgreSQL and NATS.
    pub fn outside_total(&self) -> u64 {
        ["postgres", "nats"].iter().map(|system| self.outside.get_or_create(&System { system }).get()).sum()
    }

    /// Whether this operator leads.
    pub fn leads(&self, leads: bool) {
        self.leader.set(leads.into());
    }

    /// How a platform is.
    pub fn platform(
        &self,
        (namespace, name): (&str, &str),
        ready: bool,
        rotation: Option<i64>,
        renewal: Option<i64>,
    ) {
        let labels = PlatformLabels { namespace: namespace.to_owned(), name: name.to_owned() };
        self.ready.get_or_create(&labels).set(ready.into());
        if let Some(at) = rotation {
            self.rotation.get_or_create(&labels).set(at);
        }
        if let Some(at) = renewal {
            self.renewal.get_or_create(&labels).set(at);
        }
    }

    /// A platform is gone.
    pub fn forget(&self, namespace: &str, name: &str) {
        let labels = PlatformLabels { namespace: namespace.to_owned(), name: name.to_owned() };
        self.ready.remove(&labels);
        self.rotation.remove(&labels);
        self.renewal.remove(&labels);
    }
}
