//! Slowing down whoever guesses passwords, without ever locking an account for good.

use chrono::{DateTime, Duration, Utc};

/// Failures older than this are forgotten.
pub const MEMORY: Duration = Duration::minutes(15);

/// Longest wait between two attempts.
const MAX_WAIT_SECONDS: i64 = 60;

/// Whose failures are counted together, and how many are free of a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// One client's attempts at one account.
    AccountFromAddress,
    /// Everybody's attempts at one account: guessing spread over many addresses.
    Account,
}

impl Scope {
    const fn free_failures(self) -> i32 {
        match self {
            Self::AccountFromAddress => 10,
            Self::Account => 100,
        }
    }
}

/// Failures counted so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failures {
    /// Number since the last success, or since they were last forgotten.
    pub count: i32,
    /// When the latest happened.
    pub latest: DateTime<Utc>,
}

/// How long to wait before the next attempt, in whole seconds; `None` when it may be made now.
///
/// The wait doubles with each failure after the free ones, up to a minute.
pub fn wait(scope: Scope, failures: Failures, now: DateTime<Utc>) -> Option<u64> {
    let beyond = failures.count.checked_sub(scope.free_failures()).filter(|beyond| *beyond >= 0)?;
    if now - failures.latest > MEMORY {
        return None;
    }
    let seconds =
        1_i64.checked_shl(beyond.unsigned_abs()).unwrap_or(MAX_WAIT_SECONDS).clamp(1, MAX_WAIT_SECONDS);
    let left = (failures.latest + Duration::seconds(seconds) - now).num_milliseconds();
    u64::try_from(left).ok().filter(|left| *left > 0).map(|left| left.div_ceil(1000))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
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
    fn waits_double_after_the_free_failures(
        #[case] count: i32,
        #[case] ago: i64,
        #[case] expected: Option<u64>,
    ) {
        let failures = Failures { count, latest: now() - Duration::seconds(ago) };
        assert_eq!(wait(Scope::AccountFromAddress, failures, now()), expected);
    }

    proptest! {
        #[test]
        fn nobody_waits_longer_than_a_minute(count in 0_i32.., ago in 0_i64..10_000) {
            let failures = Failures { count, latest: now() - Duration::seconds(ago) };
            for scope in [Scope::Account, Scope::AccountFromAddress] {
                prop_assert!(wait(scope, failures, now()).unwrap_or(0) <= 60);
            }
        }
    }
}
