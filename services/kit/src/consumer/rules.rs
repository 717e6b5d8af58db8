//! What follows from a message's history. Pure.

use std::time::Duration;

use chrono::TimeDelta;

/// Failures after which a message is given up.
pub const MAX_ATTEMPTS: u32 = 4;
/// Pauses after the first, second and third failure.
const PAUSES: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(4), Duration::from_secs(16)];
/// A message that was begun this often without an answer may be what ends the process: it is handled while
/// no other one is, so that it takes no neighbours with it.
const SUSPECT_STARTS: u32 = 3;
/// A message that was begun this often without an answer is given up. Far above what crashes, restarts and
/// power cuts do to an innocent one.
pub const MAX_STARTS: u32 = 50;

/// Longest pause between two probes: what comes back is used again within 5 s.
const LONGEST_PROBE_PAUSE: Duration = Duration::from_secs(3);

/// What follows from a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Another try after this pause.
    Again(Duration),
    /// A dead letter.
    GiveUp,
}

/// What follows from the failure that made their number `failures`, counted from 1.
pub(crate) fn after(failures: u32) -> Next {
    let index = usize::try_from(failures.saturating_sub(1)).unwrap_or(usize::MAX);
    PAUSES.get(index).map_or(Next::GiveUp, |pause| Next::Again(*pause))
}

/// How a message is handled that was begun `starts` times without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Care {
    /// Beside others.
    Together,
    /// While no other one is.
    Alone,
    /// Not at all.
    GiveUp,
}

/// How to handle a message that was begun `starts` times without an answer.
pub(crate) fn care(starts: u32) -> Care {
    match starts {
        MAX_STARTS.. => Care::GiveUp,
        SUSPECT_STARTS.. => Care::Alone,
        _ => Care::Together,
    }
}

/// Whether a message of this age waits for something unavailable for nearly as long as its stream keeps it.
pub(crate) fn vanishes(age: TimeDelta, kept: Duration) -> bool {
    age.to_std().is_ok_and(|age| age >= kept.mul_f64(0.9))
}

/// Pause before the next probe of something that was unavailable `refusals` times in a row: from 250 ms,
/// doubled each time.
pub(crate) fn probe_pause(refusals: u32) -> Duration {
    LONGEST_PROBE_PAUSE.min(Duration::from_millis(250) * 2_u32.pow(refusals.min(10)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_tried_four_times_with_1_4_and_16_s_between() {
        let pauses: Vec<_> = (1..=5)
            .map(|failures| match after(failures) {
                Next::Again(pause) => Some(pause.as_secs()),
                Next::GiveUp => None,
            })
            .collect();
        assert_eq!(pauses, [Some(1), Some(4), Some(16), None, None]);
        assert_eq!(u32::try_from(PAUSES.len()).unwrap() + 1, MAX_ATTEMPTS);
    }

    #[test]
    fn twenty_crashes_give_nothing_up() {
        assert_eq!(care(0), Care::Together);
        assert_eq!(care(2), Care::Together);
        assert_eq!(care(3), Care::Alone);
        assert_eq!(care(20), Care::Alone);
        assert_eq!(care(49), Care::Alone);
        assert_eq!(care(50), Care::GiveUp);
    }

    #[test]
    fn what_a_stream_would_drop_while_it_waits_is_given_up_before() {
        let kept = Duration::from_hours(7 * 24);
        assert!(!vanishes(TimeDelta::days(6), kept));
        assert!(vanishes(TimeDelta::hours(152), kept));
        assert!(!vanishes(TimeDelta::hours(-1), kept));
    }

    #[test]
    fn probes_come_less_often_but_never_stop() {
        assert_eq!(probe_pause(0), Duration::from_millis(250));
        assert_eq!(probe_pause(2), Duration::from_secs(1));
        assert_eq!(probe_pause(u32::MAX), Duration::from_secs(3));
    }
}
