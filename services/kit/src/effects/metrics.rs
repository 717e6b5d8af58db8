//! What is counted of effects.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

use super::settle::Ended;
use crate::metrics::Registry;

/// Bounds of the histogram, in seconds.
const BUCKETS: [f64; 9] = [0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 5.0, 10.0, 15.0];

/// Metrics of all kinds of effects of a service.
#[derive(Clone)]
pub(crate) struct Metrics {
    attempts: Family<AttemptLabels, Counter>,
    duration: Family<Labels, Histogram, fn() -> Histogram>,
    waiting: Family<Labels, Gauge>,
    oldest: Family<Labels, Gauge>,
    paused: Family<Labels, Gauge>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AttemptLabels {
    kind: &'static str,
    outcome: &'static str,
}

impl Metrics {
    pub(crate) fn new(registry: &Registry) -> Self {
        let histogram: fn() -> Histogram = || Histogram::new(BUCKETS);
        Self {
            attempts: registry.register(
                "effect_attempts",
                "Attempts at effects outside the database, by what became of them",
                Family::default(),
            ),
            duration: registry.register(
                "effect_duration_seconds",
                "Time that the other side took for an effect",
                Family::new_with_constructor(histogram),
            ),
            waiting: registry.register("effects_waiting", "Effects that are due", Family::default()),
            oldest: registry.register(
                "effects_oldest_age_seconds",
                "Age of the oldest effect that is due",
                Family::default(),
            ),
            paused: registry.register(
                "effects_paused",
                "1 while the other side is unavailable and one effect at a time is tried",
                Family::default(),
            ),
        }
    }

    pub(super) fn observe(&self, kind: &'static str, ended: Ended, took: Duration) {
        self.attempts.get_or_create(&AttemptLabels { kind, outcome: ended.name() }).inc();
        self.duration.get_or_create(&Labels { kind }).observe(took.as_secs_f64());
    }

    pub(super) fn measured(&self, kind: &'static str, waiting: i64, oldest: i64, paused: bool) {
        self.waiting.get_or_create(&Labels { kind }).set(waiting);
        self.oldest.get_or_create(&Labels { kind }).set(oldest);
        self.paused.get_or_create(&Labels { kind }).set(i64::from(paused));
    }
}
