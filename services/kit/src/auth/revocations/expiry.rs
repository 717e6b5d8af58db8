//! In which order revocations expire.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use protocol::buckets::Revocation;

/// Revocations by the time at which they are forgotten. Looking whether one is due costs the same
/// however many there are.
#[derive(Debug, Default)]
pub(super) struct Expiry(BinaryHeap<Reverse<(i64, Revocation)>>);

impl Expiry {
    /// `until` is in milliseconds since 1970.
    pub(super) fn push(&mut self, until: i64, revocation: Revocation) {
        self.0.push(Reverse((until, revocation)));
    }

    /// Calls `drop` with each that is due at `now`, and with no other.
    pub(super) fn drop_due(&mut self, now: i64, mut drop: impl FnMut(Revocation)) {
        while let Some(&Reverse((until, revocation))) = self.0.peek() {
            if until > now {
                break;
            }
            self.0.pop();
            drop(revocation);
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn what_is_not_due_is_not_looked_at() {
        let mut expiry = Expiry::default();
        let mut dropped = 0_usize;
        // As a process does that reads 100,000 entries at its start: it looks after each of them.
        for number in 0..100_000_u32 {
            expiry.push(1_000_000 - i64::from(number), Revocation::Session(Uuid::from_u128(number.into())));
            expiry.drop_due(900_000, |_| dropped += 1);
        }
        assert_eq!(dropped, 0);
        expiry.drop_due(900_001, |_| dropped += 1);
        assert_eq!(dropped, 1, "due at its own time, and alone");
        expiry.drop_due(i64::MAX, |_| dropped += 1);
        assert_eq!(dropped, 100_000, "each once");
    }
}
