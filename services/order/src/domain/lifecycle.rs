//! The state machine (docs/api.md, *Order states*).

use chrono::{DateTime, Utc};

use super::Status;

/// Where an order stands, and when it came there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lifecycle {
    /// Current state.
    pub(crate) status: Status,
    /// When it was confirmed.
    pub(crate) confirmed_at: Option<DateTime<Utc>>,
    /// When it was shipped.
    pub(crate) shipped_at: Option<DateTime<Utc>>,
    /// When it was delivered.
    pub(crate) delivered_at: Option<DateTime<Utc>>,
    /// When it was cancelled.
    pub(crate) cancelled_at: Option<DateTime<Utc>>,
}

/// Why a step was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// The order is in that state already.
    #[error("the order is already {0}")]
    Same(Status),
    /// The state machine has no such step.
    #[error("an order that is {from} cannot become {to}")]
    NotAllowed {
        /// Current state.
        from: Status,
        /// State asked for.
        to: Status,
    },
}

impl Lifecycle {
    /// A new order's.
    pub(crate) const fn pending() -> Self {
        Self {
            status: Status::Pending,
            confirmed_at: None,
            shipped_at: None,
            delivered_at: None,
            cancelled_at: None,
        }
    }

    /// The lifecycle after the step to `to` at `now`.
    pub(crate) fn advance(&self, to: Status, now: DateTime<Utc>) -> Result<Self, Refusal> {
        let from = self.status;
        // Before the machine itself: even a delivered order answers "already", not "bad step".
        if from == to {
            return Err(Refusal::Same(to));
        }
        let mut next = Self { status: to, ..*self };
        match (from, to) {
            (Status::Pending, Status::Confirmed) => next.confirmed_at = Some(now),
            (Status::Confirmed, Status::Shipped) => next.shipped_at = Some(now),
            (Status::Shipped, Status::Delivered) => next.delivered_at = Some(now),
            (Status::Pending | Status::Confirmed, Status::Cancelled) => {
                next.cancelled_at = Some(now);
            }
            (from, to) => return Err(Refusal::NotAllowed { from, to }),
        }
        Ok(next)
    }

    /// When the order came to its current state; `None` for `pending`, which is the creation itself.
    pub(crate) const fn reached_at(&self) -> Option<DateTime<Utc>> {
        match self.status {
            Status::Pending => None,
            Status::Confirmed => self.confirmed_at,
            Status::Shipped => self.shipped_at,
            Status::Delivered => self.delivered_at,
            Status::Cancelled => self.cancelled_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone as _;
    use proptest::prelude::*;

    use super::*;

    fn at(second: u32) -> DateTime<Utc> {
        Utc.timestamp_opt(1_771_326_000 + i64::from(second), 0).unwrap()
    }

    /// An order that walked straight to `status`, one step a second.
    fn lifecycle(status: Status) -> Lifecycle {
        let steps: &[Status] = match status {
            Status::Pending => &[],
            Status::Confirmed => &[Status::Confirmed],
            Status::Shipped => &[Status::Confirmed, Status::Shipped],
            Status::Delivered => &[Status::Confirmed, Status::Shipped, Status::Delivered],
            Status::Cancelled => &[Status::Confirmed, Status::Cancelled],
        };
        steps
            .iter()
            .zip(1..)
            .fold(Lifecycle::pending(), |order, (&step, second)| order.advance(step, at(second)).unwrap())
    }

    /// A timestamp is set exactly when its state was reached.
    fn holds_invariants(order: &Lifecycle) -> bool {
        let set = (
            order.confirmed_at.is_some(),
            order.shipped_at.is_some(),
            order.delivered_at.is_some(),
            order.cancelled_at.is_some(),
        );
        match order.status {
            Status::Pending => set == (false, false, false, false),
            Status::Confirmed => set == (true, false, false, false),
            Status::Shipped => set == (true, true, false, false),
            Status::Delivered => set == (true, true, true, false),
            Status::Cancelled => !set.1 && !set.2 && set.3,
        }
    }

    #[test]
    fn every_pair_of_states_is_decided() {
        let allowed = [
            (Status::Pending, Status::Confirmed),
            (Status::Confirmed, Status::Shipped),
            (Status::Shipped, Status::Delivered),
            (Status::Pending, Status::Cancelled),
            (Status::Confirmed, Status::Cancelled),
        ];
        for from in Status::ALL {
            for to in Status::ALL {
                let result = lifecycle(from).advance(to, at(9));
                if from == to {
                    assert_eq!(result, Err(Refusal::Same(to)));
                } else if allowed.contains(&(from, to)) {
                    let next = result.unwrap();
                    assert_eq!(next.status, to);
                    assert_eq!(next.reached_at(), Some(at(9)));
                    assert!(holds_invariants(&next), "{from} to {to}: {next:?}");
                } else {
                    assert_eq!(result, Err(Refusal::NotAllowed { from, to }));
                }
            }
        }
    }

    #[test]
    fn a_refusal_says_what_is_wrong() {
        let refusal = lifecycle(Status::Pending).advance(Status::Shipped, at(9));
        assert_eq!(refusal.unwrap_err().to_string(), "an order that is pending cannot become shipped");
        let refusal = lifecycle(Status::Delivered).advance(Status::Delivered, at(9));
        assert_eq!(refusal.unwrap_err().to_string(), "the order is already delivered");
    }

    fn status() -> impl Strategy<Value = Status> {
        prop::sample::select(Status::ALL.to_vec())
    }

    proptest! {
        #[test]
        fn any_walk_keeps_the_invariants_and_never_rewrites_a_timestamp(
            steps in prop::collection::vec(status(), 0..12)
        ) {
            let mut order = Lifecycle::pending();
            for (step, second) in steps.into_iter().zip(1..) {
                let Ok(next) = order.advance(step, at(second)) else {
                    continue;
                };
                prop_assert!(holds_invariants(&next));
                for (before, after) in [
                    (order.confirmed_at, next.confirmed_at),
                    (order.shipped_at, next.shipped_at),
                    (order.delivered_at, next.delivered_at),
                    (order.cancelled_at, next.cancelled_at),
                ] {
                    prop_assert!(before.is_none() || before == after);
                }
                order = next;
            }
        }

        #[test]
        fn terminal_states_are_never_left(to in status()) {
            for terminal in [Status::Delivered, Status::Cancelled] {
                prop_assert!(lifecycle(terminal).advance(to, at(9)).is_err());
            }
        }
    }
}
