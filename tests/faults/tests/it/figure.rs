//! What is measured.

use std::fmt;
use std::time::Duration;

/// A time, beside the one that is promised.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figure {
    took: Duration,
    promised: Duration,
}

impl Figure {
    pub(crate) fn new(took: Duration, promised: Duration) -> Self {
        Self { took, promised }
    }

    /// Fails where it took more than twice as long as is promised: the machine that runs the tests is busy.
    #[track_caller]
    pub(crate) fn holds(self) {
        assert!(self.took <= self.promised * 2, "{self}");
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:.1} s (promised: {} s)", self.took.as_secs_f64(), self.promised.as_secs())
    }
}

/// The smallest of `times` that `percent` of them do not exceed; zero of none.
pub(crate) fn percentile(times: &[Duration], percent: usize) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}
