//! How current the revocations held here are.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::time::{Duration, Instant};

/// When everything recorded was last known here for sure.
#[derive(Debug)]
pub(super) struct Freshness {
    started: Instant,
    /// Milliseconds from the start, plus one; 0 while it never was.
    confirmed: AtomicU64,
}

impl Freshness {
    pub(super) fn new() -> Self {
        Self { started: Instant::now(), confirmed: AtomicU64::new(0) }
    }

    pub(super) fn confirm(&self, at: Instant) {
        let milliseconds = at.saturating_duration_since(self.started).as_millis();
        let milliseconds = u64::try_from(milliseconds).unwrap_or(u64::MAX);
        // Two sources confirm in any order; the later moment counts.
        self.confirmed.fetch_max(milliseconds.saturating_add(1), Ordering::AcqRel);
    }

    pub(super) fn is_confirmed(&self) -> bool {
        self.confirmed.load(Ordering::Acquire) > 0
    }

    pub(super) fn age(&self) -> Duration {
        let confirmed = self.confirmed.load(Ordering::Acquire).saturating_sub(1);
        self.started.elapsed().saturating_sub(Duration::from_millis(confirmed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_latest_confirmation_counts() {
        let freshness = Freshness::new();
        tokio::time::advance(Duration::from_secs(3)).await;
        assert!(!freshness.is_confirmed());
        assert_eq!(freshness.age(), Duration::from_secs(3), "since the start");
        let now = Instant::now();
        freshness.confirm(now);
        freshness.confirm(now - Duration::from_secs(2));
        assert!(freshness.is_confirmed());
        assert_eq!(freshness.age(), Duration::ZERO);
        tokio::time::advance(Duration::from_secs(4)).await;
        assert_eq!(freshness.age(), Duration::from_secs(4));
    }

    #[test]
    fn a_confirmation_at_the_very_start_is_one() {
        let freshness = Freshness::new();
        freshness.confirm(freshness.started);
        assert!(freshness.is_confirmed());
    }
}
