//! What becomes of an event that its stream refuses.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// After this many refusals an event is parked: people look at it, and it is tried once an hour.
const PARK_AFTER: i32 = 10;
/// Longest pause before an event that is not parked is tried again.
const MAX_PAUSE: Duration = Duration::from_mins(5);
/// Pause before a parked event is tried again.
const PARKED_PAUSE: Duration = Duration::from_hours(1);

/// When a refused event is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Retry {
    pub(super) attempts: i32,
    pub(super) not_before: DateTime<Utc>,
    /// No longer holds back later events of its aggregate.
    pub(super) parked: bool,
}

/// `attempts` counts the refusals before this one: pauses of 1, 2, 4 … s up to 5 min, then an hour.
pub(super) fn retry(attempts: i32, now: DateTime<Utc>) -> Retry {
    let attempts = attempts.saturating_add(1);
    let parked = attempts >= PARK_AFTER;
    let pause = if parked {
        PARKED_PAUSE
    } else {
        let exponent = u32::try_from(attempts - 1).unwrap_or(0);
        MAX_PAUSE.min(Duration::from_secs(1) * 2_u32.saturating_pow(exponent))
    };
    let pause = TimeDelta::from_std(pause).unwrap_or(TimeDelta::hours(1));
    Retry { attempts, not_before: now + pause, parked }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_the_tenth_refusal_parks() {
        let now = DateTime::from_timestamp(1_771_326_000, 0).unwrap();
        let pauses: Vec<_> = (0..11)
            .map(|attempts| {
                let retry = retry(attempts, now);
                assert_eq!(retry.attempts, attempts + 1);
                assert_eq!(retry.parked, attempts + 1 >= 10, "{attempts}");
                (retry.not_before - now).num_seconds()
            })
            .collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 3600, 3600]);
        assert_eq!(retry(i32::MAX, now).attempts, i32::MAX);
    }
}
