//! What hashing costs, and how much of it waits.

use std::time::Instant;

use kit::metrics::Registry;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

/// From 5 ms to 1.28 s, each twice the one before: argon2id takes about 20 ms, bcrypt of cost 12 about 220 ms.
const BUCKETS: [f64; 9] = [0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AlgorithmLabel {
    algorithm: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LaneLabel {
    lane: &'static str,
}

/// Metrics of password hashing. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct HashMetrics {
    duration: Family<AlgorithmLabel, Histogram, fn() -> Histogram>,
    queue: Family<LaneLabel, Gauge>,
}

impl HashMetrics {
    pub(crate) fn new(registry: &Registry) -> Self {
        let duration = Family::new_with_constructor((|| Histogram::new(BUCKETS)) as fn() -> Histogram);
        let duration_help = "Time that one password hash took, by algorithm";
        let queue_help = "Passwords that wait to be hashed";
        Self {
            duration: registry.register("password_hash_duration_seconds", duration_help, duration),
            queue: registry.register("password_hash_queue", queue_help, Family::default()),
        }
    }

    /// Runs `hash`, one computation of `algorithm`.
    pub(super) fn timed<T>(&self, algorithm: &'static str, hash: impl FnOnce() -> T) -> T {
        let started = Instant::now();
        let result = hash();
        let took = started.elapsed().as_secs_f64();
        self.duration.get_or_create(&AlgorithmLabel { algorithm }).observe(took);
        result
    }

    pub(super) fn waiting(&self, lane: &'static str, count: usize) {
        self.queue.get_or_create(&LaneLabel { lane }).set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// How often `algorithm` was computed.
    #[cfg(test)]
    pub(super) fn computed(registry: &Registry, algorithm: &str) -> u64 {
        let name = format!("algorithm=\"{algorithm}\"");
        let text = registry.encode();
        let count =
            |line: &&str| line.starts_with("password_hash_duration_seconds_count") && line.contains(&name);
        let line = text.lines().find(count);
        line.and_then(|line| line.rsplit(' ').next()).map_or(0, |count| count.parse().unwrap())
    }
}
