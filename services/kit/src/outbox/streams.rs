//! Notices that a stream was lost and made anew: its sequence numbers start over.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;
use topology::Stream;

/// Pause before a stream that could not be asked is asked again: the operator may be making it anew.
const AGAIN: Duration = Duration::from_secs(2);

/// The largest sequence seen of each stream.
#[derive(Debug, Default)]
pub(super) struct Sequences(HashMap<&'static str, u64>);

impl Sequences {
    /// Takes what the database remembers, of this relay and of others, into account.
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

    /// Takes the stream's own last sequence into account. True when it must have been made anew.
    pub(super) fn answered(&mut self, stream: &'static Stream, sequence: u64) -> bool {
        let last = self.0.insert(stream.name, sequence);
        last.is_some_and(|last| sequence < last)
    }
}

/// Which streams must be asked whether they still have what they acknowledged: all, after each
/// connection, because a server that comes back may have lost its store.
#[derive(Debug, Default)]
pub(super) struct Questions {
    connection: Option<u64>,
    open: Vec<&'static Stream>,
    not_before: Option<Instant>,
}

impl Questions {
    /// True for a connection that was not seen before; `connection` counts them.
    pub(super) fn is_new(&self, connection: u64) -> bool {
        self.connection != Some(connection)
    }

    /// `streams` are to be asked on this connection.
    pub(super) fn ask(&mut self, connection: u64, streams: Vec<&'static Stream>) {
        *self = Self { connection: Some(connection), open: streams, not_before: None };
    }

    /// A stream to ask now.
    pub(super) fn next(&self) -> Option<&'static Stream> {
        if self.not_before.is_some_and(|at| Instant::now() < at) {
            return None;
        }
        self.open.last().copied()
    }

    /// The stream that [`Self::next`] gave has answered.
    pub(super) fn answered(&mut self) {
        self.open.pop();
    }

    /// The stream that [`Self::next`] gave could not be asked; it is asked again later.
    pub(super) fn failed(&mut self) {
        self.not_before = Some(Instant::now() + AGAIN);
    }
}

/// Streams that store what `service` publishes.
pub(super) fn of(service: &str) -> Vec<&'static Stream> {
    let subjects = topology::service(service).map_or(&[][..], |service| service.publishes);
    let stores = |stream: &&Stream| {
        subjects
            .iter()
            .any(|subject| topology::stream_of(subject).is_some_and(|found| found.name == stream.name))
    };
    topology::STREAMS.iter().filter(stores).collect()
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

    #[test]
    fn a_stream_that_has_less_than_it_acknowledged_was_made_anew() {
        let orders = topology::stream_of("order.created").unwrap();
        let mut sequences = Sequences::default();
        assert!(!sequences.answered(orders, 3), "nothing is known of it");
        sequences.remember(orders, 7);
        assert!(!sequences.answered(orders, 7));
        assert!(!sequences.answered(orders, 9), "others published");
        assert!(sequences.answered(orders, 0));
        assert!(!sequences.answered(orders, 0), "noticed once");
        assert_eq!(sequences.acked("order.created", 1, false), None, "and it counts up from there");
    }

    #[test]
    fn a_service_asks_the_streams_that_store_its_events() {
        let names = |service| of(service).iter().map(|stream| stream.name).collect::<Vec<_>>();
        assert_eq!(names("order"), ["ORDERS"]);
        assert_eq!(names("auth"), ["USERS"]);
        assert!(names("notification").is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn every_connection_is_asked_until_it_answers() {
        let streams = of("order");
        let mut questions = Questions::default();
        assert!(questions.is_new(1));
        questions.ask(1, streams.clone());
        assert!(!questions.is_new(1));
        assert!(questions.next().is_some());
        questions.failed();
        assert_eq!(questions.next(), None, "not at once");
        tokio::time::advance(AGAIN).await;
        assert!(questions.next().is_some());
        questions.answered();
        assert_eq!(questions.next(), None);
        assert!(questions.is_new(2), "a reconnect asks again");
    }
}
