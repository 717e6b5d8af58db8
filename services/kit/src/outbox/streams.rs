//! Notices that a stream was lost and made anew: its sequence numbers start over.

use std::collections::HashMap;

use topology::Stream;

/// The largest sequence seen of each stream.
#[derive(Debug, Default)]
pub(super) struct Sequences(HashMap<&'static str, u64>);

impl Sequences {
    /// Starts with what the database remembers from before.
    pub(super) fn remember(&mut self, stream: &'static Stream, sequence: u64) {
        self.0.insert(stream.name, sequence);
    }

    /// Takes an acknowledgement into account. Returns the stream when it must have been made anew: a
    /// stream only ever counts up, and a duplicate answers with the number of the first.
    pub(super) fn acked(&mut self, subject: &str, sequence: u64, duplicate: bool) -> Option<&'static Stream> {
        let stream = topology::stream_of(subject)?;
        if duplicate {
            return None;
        }
        let last = self.0.insert(stream.name, sequence)?;
        (sequence <= last).then_some(stream)
    }
}

/// Streams whose exact subjects can be in this service's outbox.
pub(super) fn all() -> impl Iterator<Item = &'static Stream> {
    topology::STREAMS.iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counting_up_is_normal_and_starting_over_is_not() {
        let mut sequences = Sequences::default();
        assert_eq!(sequences.acked("order.created", 7, false), None);
        assert_eq!(sequences.acked("order.shipped", 9, false), None);
        assert_eq!(sequences.acked("order.created", 7, true), None, "a duplicate repeats the first number");
        assert_eq!(sequences.acked("user.updated", 1, false), None, "each stream counts for itself");
        assert_eq!(sequences.acked("order.created", 1, false).map(|stream| stream.name), Some("ORDERS"));
        assert_eq!(sequences.acked("order.created", 2, false), None, "noticed once");
    }
}
