//! When an effect is tried again. Pure.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::consumer::Failure;

/// How long an effect is tried, from its plan.
pub const LIFE: TimeDelta = TimeDelta::hours(24);
/// Pauses after the first failures of an effect itself; the last one is repeated.
const PAUSES: [TimeDelta; 6] = [
    TimeDelta::seconds(1),
    TimeDelta::seconds(4),
    TimeDelta::seconds(16),
    TimeDelta::minutes(1),
    TimeDelta::minutes(5),
    TimeDelta::minutes(15),
];
/// An effect that met something unavailable lets others try before it.
const UNAVAILABLE_PAUSE: TimeDelta = TimeDelta::seconds(5);

/// What follows from a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Another try at this time.
    At(DateTime<Utc>),
    /// A dead letter.
    GiveUp,
}

/// What follows from `failure`, the effect's own failures before it being `failures`.
pub(super) fn next(failure: &Failure, failures: u32, planned_at: DateTime<Utc>, now: DateTime<Utc>) -> Next {
    let pause = match failure {
        Failure::Reject(_) => return Next::GiveUp,
        Failure::NotNow(_) => UNAVAILABLE_PAUSE,
        Failure::Retry(_) => {
            let index = usize::try_from(failures).unwrap_or(usize::MAX).min(PAUSES.len() - 1);
            PAUSES[index]
        }
    };
    if now >= planned_at + LIFE {
        return Next::GiveUp;
    }
    // The last try is at the end of its life, not a pause before it.
    Next::At((now + pause).min(planned_at + LIFE))
}

/// Whether the other side of one kind is available, as far as is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Breaker {
    /// Answers that it is unavailable, in a row.
    refusals: u32,
}

impl Breaker {
    /// Closed, as an electric one, lets everything through.
    pub(super) fn is_closed(self) -> bool {
        self.refusals == 0
    }

    /// Effects that may be tried at once.
    pub(super) fn width(self, all: usize) -> usize {
        if self.is_closed() { all } else { 1 }
    }

    /// Pause before the next ones are tried.
    pub(super) fn pause(self) -> Option<Duration> {
        let refusals = self.refusals.checked_sub(1)?;
        Some(crate::consumer::probe_pause(refusals))
    }

    /// Learns from an effect. One that was begun before the other side was found unavailable says no more of it.
    pub(super) fn heard(&mut self, unavailable: bool, probing: bool) {
        self.refusals = match (unavailable, probing) {
            (true, true) => self.refusals.saturating_add(1),
            (true, false) => self.refusals.max(1),
            (false, true) => 0,
            (false, false) => self.refusals,
        };
    }
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    fn retry() -> Failure {
        Failure::retry(anyhow!("mailbox busy"))
    }

    fn planned() -> DateTime<Utc> {
        DateTime::UNIX_EPOCH
    }

    /// The tries of an effect that fails each time.
    fn tries(failure: &Failure) -> Vec<TimeDelta> {
        let (mut now, mut tries) = (planned(), Vec::new());
        for failures in 0.. {
            tries.push(now - planned());
            match next(failure, failures, planned(), now) {
                Next::At(time) => now = time,
                Next::GiveUp => break,
            }
        }
        tries
    }

    #[test]
    fn an_effect_that_fails_is_tried_with_growing_pauses_for_a_day() {
        let tries = tries(&retry());
        let first: Vec<i64> = tries.iter().take(7).map(TimeDelta::num_seconds).collect();
        assert_eq!(first, [0, 1, 5, 21, 81, 381, 1281]);
        assert!(tries.windows(2).all(|pair| pair[1] - pair[0] <= TimeDelta::minutes(15)));
        assert_eq!(*tries.last().unwrap(), LIFE);
        assert!(tries.len() < 110, "{} tries", tries.len());
    }

    #[test]
    fn a_refused_effect_is_given_up_at_once() {
        assert_eq!(next(&Failure::reject(anyhow!("no such mailbox")), 0, planned(), planned()), Next::GiveUp);
    }

    #[test]
    fn an_unavailable_side_gives_nothing_up_within_a_day() {
        let failure = Failure::not_now(anyhow!("connection refused"));
        let almost = planned() + LIFE - TimeDelta::seconds(1);
        assert_eq!(next(&failure, 0, planned(), almost), Next::At(planned() + LIFE));
        assert_eq!(next(&failure, 0, planned(), planned() + LIFE), Next::GiveUp);
    }

    #[test]
    fn an_unavailable_side_is_asked_with_one_effect_at_a_time() {
        let mut breaker = Breaker::default();
        assert_eq!((breaker.width(10), breaker.pause()), (10, None));
        for _ in 0..10 {
            breaker.heard(true, false);
        }
        assert_eq!((breaker.width(10), breaker.pause()), (1, Some(Duration::from_millis(250))));
        for _ in 0..20 {
            breaker.heard(true, true);
        }
        assert_eq!(breaker.pause(), Some(Duration::from_secs(3)));
        breaker.heard(false, false);
        assert!(!breaker.is_closed(), "an old answer says nothing");
        breaker.heard(false, true);
        assert_eq!((breaker.width(10), breaker.pause()), (10, None));
    }
}
