//! Slowing down whoever guesses passwords, without ever locking an account for good.
//!
//! An attempt is counted before its password is checked, and taken back when the password was right: attempts that
//! run at the same moment therefore see each other. It is decided twice, by [`wait`] on what was counted before, and
//! by [`wait_of_number`] once it has a number of its own.

use chrono::{DateTime, Duration, Utc};

/// Attempts longer ago than this are forgotten.
pub(crate) const MEMORY: Duration = Duration::minutes(15);

/// Maximum wait between two attempts.
const MAX_WAIT_SECONDS: i64 = 60;

/// Whose attempts are counted together, and how many are free of a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// One client's attempts at one account.
    AccountFromAddress,
    /// Everybody's attempts at one account: guessing spread over many addresses.
    Account,
}

impl Scope {
    /// Both, in the order of every array that holds something of each.
    pub(crate) const ALL: [Self; 2] = [Self::AccountFromAddress, Self::Account];

    const fn free_attempts(self) -> i32 {
        match self {
            Self::AccountFromAddress => 10,
            Self::Account => 100,
        }
    }
}

/// Attempts that failed or are still being checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Attempts {
    /// Number since the last success, or since they were last forgotten.
    pub(crate) count: i32,
    /// When the latest was made.
    pub(crate) latest: DateTime<Utc>,
}

/// How long to wait before the next attempt, in whole seconds; `None` when it may be made now.
///
/// The wait doubles with each attempt after the free ones, up to a minute.
pub(crate) fn wait(scope: Scope, attempts: Option<Attempts>, now: DateTime<Utc>) -> Option<u64> {
    let attempts = remembered(attempts, now)?;
    let beyond = attempts.count.checked_sub(scope.free_attempts()).filter(|beyond| *beyond >= 0)?;
    let seconds =
        1_i64.checked_shl(beyond.unsigned_abs()).unwrap_or(MAX_WAIT_SECONDS).clamp(1, MAX_WAIT_SECONDS);
    let left = (attempts.latest + Duration::seconds(seconds) - now).num_milliseconds();
    u64::try_from(left).ok().filter(|left| *left > 0).map(|left| left.div_ceil(1000))
}

/// [`wait`] for an attempt that has been counted as number `number`, when `seen` was counted a moment before. Attempts
/// that were counted in between were made just now.
pub(crate) fn wait_of_number(
    scope: Scope,
    number: i32,
    seen: Option<Attempts>,
    now: DateTime<Utc>,
) -> Option<u64> {
    let count = number - 1;
    let latest = match remembered(seen, now) {
        Some(seen) if seen.count == count => seen.latest,
        _ => now,
    };
    wait(scope, Some(Attempts { count, latest }), now)
}

fn remembered(attempts: Option<Attempts>, now: DateTime<Utc>) -> Option<Attempts> {
    attempts.filter(|attempts| now - attempts.latest <= MEMORY)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    fn counted(count: i32, seconds_ago: i64) -> Attempts {
        Attempts { count, latest: now() - Duration::seconds(seconds_ago) }
    }

    #[rstest]
    #[case(0, 0, None)]
    #[case(9, 0, None)]
    #[case(10, 0, Some(1))]
    #[case(10, 1, None)]
    #[case(12, 0, Some(4))]
    #[case(12, 3, Some(1))]
    #[case(16, 0, Some(60))]
    #[case(400, 0, Some(60))]
    #[case(i32::MAX, 60, None)]
    fn waits_double_after_the_free_attempts(
        #[case] count: i32,
        #[case] ago: i64,
        #[case] expected: Option<u64>,
    ) {
        assert_eq!(wait(Scope::AccountFromAddress, Some(counted(count, ago)), now()), expected);
    }

    #[test]
    fn an_attempt_alone_is_decided_by_what_was_seen() {
        assert_eq!(wait_of_number(Scope::AccountFromAddress, 1, None, now()), None);
        assert_eq!(wait_of_number(Scope::AccountFromAddress, 13, Some(counted(12, 4)), now()), None);
        assert_eq!(wait_of_number(Scope::AccountFromAddress, 13, Some(counted(12, 3)), now()), Some(1));
        assert_eq!(
            wait_of_number(Scope::AccountFromAddress, 1, Some(counted(50, 901)), now()),
            None,
            "forgotten"
        );
    }

    #[test]
    fn of_those_that_waited_together_one_goes_on() {
        // Both saw ten attempts and that the wait is over; the second is the twelfth.
        assert_eq!(wait_of_number(Scope::AccountFromAddress, 11, Some(counted(10, 1)), now()), None);
        assert_eq!(wait_of_number(Scope::AccountFromAddress, 12, Some(counted(10, 1)), now()), Some(2));
    }

    proptest! {
        #[test]
        fn nobody_waits_longer_than_a_minute(count in 0_i32.., ago in 0_i64..10_000) {
            for scope in Scope::ALL {
                prop_assert!(wait(scope, Some(counted(count, ago)), now()).unwrap_or(0) <= 60);
            }
        }

        #[test]
        fn of_a_burst_no_more_than_the_free_ones_go_on(burst in 1_i32..300, seen in 0_i32..120) {
            for scope in Scope::ALL {
                let passed = (1..=burst)
                    .filter(|position| wait_of_number(scope, seen + position, Some(counted(seen, 0)), now()).is_none())
                    .count();
                let free = usize::try_from((scope.free_attempts() - seen).max(0)).unwrap();
                prop_assert!(passed <= free, "{} of {}", passed, free);
            }
        }

        #[test]
        fn nobody_goes_on_by_being_counted(number in 1_i32..300, seen in 0_i32..300, ago in 0_i64..100) {
            // What may not be made by what was seen may not be made either with a number that is no smaller.
            for scope in Scope::ALL {
                if number > seen && wait(scope, Some(counted(seen, ago)), now()).is_some() {
                    prop_assert!(wait_of_number(scope, number, Some(counted(seen, ago)), now()).is_some());
                }
            }
        }
    }
}
