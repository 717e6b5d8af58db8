//! Whether a failed call may be tried again.

use std::sync::atomic::{AtomicU32, Ordering};

/// Credit of a client that has not failed, in tenths of a try.
const FULL: u32 = 100;
/// Tries are repeated above this only.
const ENOUGH: u32 = FULL / 2;
/// What a failure costs, in tenths of a try; a success earns one tenth.
const FAILURE: u32 = 10;

/// Repeats while failures are few, and stops when they are many: repeating then would multiply the load of a callee
/// that has too much of it already. The rule and its numbers are gRPC's (proposal A6, retry throttling).
#[derive(Debug)]
pub(super) struct RetryBudget(AtomicU32);

impl Default for RetryBudget {
    fn default() -> Self {
        Self(AtomicU32::new(FULL))
    }
}

impl RetryBudget {
    /// A try has ended; `answered` says whether the callee was there.
    pub(super) fn record(&self, answered: bool) {
        let change =
            |credit: u32| Some(if answered { FULL.min(credit + 1) } else { credit.saturating_sub(FAILURE) });
        // It always changes something, so it never fails.
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, change);
    }

    /// Whether one more try may be made.
    pub(super) fn allows_one(&self) -> bool {
        self.0.load(Ordering::Relaxed) > ENOUGH
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callee_that_stays_away_is_soon_tried_once_a_call_and_again_when_it_is_back() {
        let budget = RetryBudget::default();
        let repeated = (0..100).filter(|_| {
            budget.record(false);
            budget.allows_one()
        });
        assert_eq!(repeated.count(), 4);
        let until_allowed = (1..1_000).find(|_| {
            budget.record(true);
            budget.allows_one()
        });
        assert_eq!(until_allowed, Some(51));
    }

    #[test]
    fn rare_failures_are_always_repeated() {
        let budget = RetryBudget::default();
        for call in 0..10_000 {
            budget.record(call % 20 != 0);
            assert!(budget.allows_one());
        }
    }
}
