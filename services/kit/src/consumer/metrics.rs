//! What is counted of consumers.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

use crate::metrics::Registry;

/// Bounds of the histogram, in seconds.
const BUCKETS: [f64; 12] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0];

/// Metrics of all consumers of a service.
#[derive(Clone)]
pub(super) struct Metrics {
    deliveries: Family<OutcomeLabels, Counter>,
    duration: Family<Labels, Histogram, fn() -> Histogram>,
    pending: Family<Labels, Gauge>,
    paused: Family<Labels, Gauge>,
    advisories: Family<AdvisoryLabels, Counter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    consumer: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    consumer: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AdvisoryLabels {
    consumer: &'static str,
    kind: &'static str,
}

impl Metrics {
    pub(super) fn new(registry: &Registry) -> Self {
        let histogram: fn() -> Histogram = || Histogram::new(BUCKETS);
        Self {
            deliveries: registry.register(
                "consumer_deliveries",
                "Deliveries of events, by what became of them",
                Family::default(),
            ),
            duration: registry.register(
                "consumer_handler_duration_seconds",
                "Time from a try of an event to its commit or failure",
                Family::new_with_constructor(histogram),
            ),
            pending: registry.register(
                "consumer_pending",
                "Events that were not delivered yet, when last heard of",
                Family::default(),
            ),
            paused: registry.register(
                "consumer_paused",
                "1 while something that every event needs is unavailable",
                Family::default(),
            ),
            advisories: registry.register(
                "consumer_advisories",
                "Events that the broker gave up by itself",
                Family::default(),
            ),
        }
    }

    pub(super) fn delivered(&self, consumer: &'static str, outcome: &'static str) {
        self.deliveries.get_or_create(&OutcomeLabels { consumer, outcome }).inc();
    }

    pub(super) fn tried(&self, consumer: &'static str, took: Duration) {
        self.duration.get_or_create(&Labels { consumer }).observe(took.as_secs_f64());
    }

    pub(super) fn pending(&self, consumer: &'static str, pending: u64) {
        let pending = i64::try_from(pending).unwrap_or(i64::MAX);
        self.pending.get_or_create(&Labels { consumer }).set(pending);
    }

    pub(super) fn paused(&self, consumer: &'static str) -> Gauge {
        self.paused.get_or_create(&Labels { consumer }).clone()
    }

    pub(super) fn advised(&self, consumer: &'static str, kind: &'static str) {
        self.advisories.get_or_create(&AdvisoryLabels { consumer, kind }).inc();
    }
}
