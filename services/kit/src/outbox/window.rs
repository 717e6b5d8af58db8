//! One window of events, published with one deadline.

use std::collections::HashSet;
use std::time::Duration;

use async_nats::jetstream;
use async_nats::jetstream::context::{PublishAckFuture, PublishError, PublishErrorKind};
use futures::future::join_all;
use tokio::time::Instant;
use uuid::Uuid;

use crate::store::outbox::PendingRow;

/// How long a window of publishes, however many, may wait for its acknowledgements.
pub(super) const DEADLINE: Duration = Duration::from_secs(5);

/// What became of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    /// The stream has it, under that sequence. A duplicate was there before.
    Stored { sequence: u64, duplicate: bool },
    /// The stream refused it, and said why.
    Refused(String),
    /// No answer by the deadline.
    Unanswered,
    /// The stream or the connection is gone; the event was not looked at.
    Unavailable(String),
    /// Not sent, because an earlier event of its aggregate was not stored.
    Held,
}

/// Publishes `rows` in order. Two events of one aggregate are never in flight together, so that a later one
/// cannot be stored without the earlier one.
pub(super) async fn publish(jetstream: &jetstream::Context, rows: &[PendingRow]) -> Vec<Fate> {
    let deadline = Instant::now() + DEADLINE;
    let mut fates = vec![Fate::Held; rows.len()];
    let mut held: HashSet<Uuid> = HashSet::new();
    let mut left: Vec<usize> = (0..rows.len()).collect();
    while !left.is_empty() {
        let (wave, later) = wave(rows, &left, &held);
        if wave.is_empty() {
            break;
        }
        let mut sent = Vec::with_capacity(wave.len());
        // One after another, so that they are stored in this order; answered together.
        for &index in &wave {
            sent.push(send(jetstream, &rows[index], deadline).await);
        }
        let answered = join_all(sent.into_iter().map(|sent| answer(sent, deadline))).await;
        for (index, fate) in wave.into_iter().zip(answered) {
            if !matches!(fate, Fate::Stored { .. }) {
                held.insert(rows[index].aggregate_id);
            }
            fates[index] = fate;
        }
        left = later;
    }
    fates
}

/// The first event of each aggregate among those left, and the rest.
fn wave(rows: &[PendingRow], left: &[usize], held: &HashSet<Uuid>) -> (Vec<usize>, Vec<usize>) {
    let mut seen = HashSet::new();
    left.iter()
        .copied()
        .filter(|&index| !held.contains(&rows[index].aggregate_id))
        .partition(|&index| seen.insert(rows[index].aggregate_id))
}

async fn send(
    jetstream: &jetstream::Context,
    row: &PendingRow,
    deadline: Instant,
) -> Result<PublishAckFuture, Fate> {
    let payload = row.payload.clone().into();
    let publish = jetstream.publish_with_headers(row.subject.clone(), headers(row), payload);
    match tokio::time::timeout_at(deadline, publish).await {
        Ok(sent) => sent.map_err(|error| refusal(&error)),
        Err(_) => Err(Fate::Unanswered),
    }
}

async fn answer(sent: Result<PublishAckFuture, Fate>, deadline: Instant) -> Fate {
    let sent = match sent {
        Ok(sent) => sent.into_future(),
        Err(fate) => return fate,
    };
    match tokio::time::timeout_at(deadline, sent).await {
        Ok(Ok(ack)) => Fate::Stored { sequence: ack.sequence, duplicate: ack.duplicate },
        Ok(Err(error)) => refusal(&error),
        Err(_) => Fate::Unanswered,
    }
}

fn headers(row: &PendingRow) -> async_nats::HeaderMap {
    let mut headers = async_nats::HeaderMap::new();
    for (name, value) in row.headers.lines().filter_map(|line| line.split_once(": ")) {
        headers.insert(name, value);
    }
    headers.insert(async_nats::header::NATS_MESSAGE_ID, row.id.to_string());
    headers.insert(protocol::headers::AGGREGATE, row.aggregate_id.to_string());
    headers.insert(protocol::headers::SEQUENCE, row.sequence.to_string());
    headers
}

fn refusal(error: &PublishError) -> Fate {
    match error.kind() {
        PublishErrorKind::TimedOut => Fate::Unanswered,
        // Nobody listens on the subject: the stream is being made, or JetStream is starting.
        PublishErrorKind::StreamNotFound | PublishErrorKind::BrokenPipe | PublishErrorKind::MaxAckPending => {
            Fate::Unavailable(error.to_string())
        }
        _ => Fate::Refused(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(position: i64, aggregate: u128) -> PendingRow {
        PendingRow {
            position,
            attempts: 0,
            id: Uuid::from_u128(1),
            subject: "order.created".to_owned(),
            aggregate_id: Uuid::from_u128(aggregate),
            sequence: position,
            payload: "{}".to_owned(),
            headers: "traceparent: 00-1-2-01\n".to_owned(),
        }
    }

    #[test]
    fn each_aggregate_is_in_a_wave_once() {
        let rows = [row(1, 7), row(2, 8), row(3, 7), row(4, 7)];
        let none = HashSet::new();
        assert_eq!(wave(&rows, &[0, 1, 2, 3], &none), (vec![0, 1], vec![2, 3]));
        assert_eq!(wave(&rows, &[2, 3], &none), (vec![2], vec![3]));
    }

    #[test]
    fn an_aggregate_whose_event_was_not_stored_waits() {
        let rows = [row(1, 7), row(2, 8), row(3, 7)];
        let held = HashSet::from([Uuid::from_u128(7)]);
        assert_eq!(wave(&rows, &[1, 2], &held), (vec![1], vec![]));
    }

    #[test]
    fn a_message_says_what_it_is_about() {
        let headers = headers(&row(3, 7));
        assert_eq!(headers.get("Shopflow-Aggregate").unwrap().as_str(), Uuid::from_u128(7).to_string());
        assert_eq!(headers.get("Shopflow-Sequence").unwrap().as_str(), "3");
        assert_eq!(headers.get("traceparent").unwrap().as_str(), "00-1-2-01");
        assert_eq!(headers.get("Nats-Msg-Id").unwrap().as_str(), Uuid::from_u128(1).to_string());
    }
}
