//! The published copies of dead letters.

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::header::NATS_MESSAGE_ID;
use async_nats::jetstream;
use protocol::{dead_letter, headers as names};

use super::{DeadLetters, Letter, store};

/// Copies published at a time.
const WINDOW: i64 = 100;
/// How long all acknowledgements of a window are waited for.
const ANSWER: Duration = Duration::from_secs(5);

/// Publishes copies that are not in the stream yet, until none is left or the stream does not take one.
pub(super) async fn publish(letters: &DeadLetters, jetstream: &jetstream::Context) -> anyhow::Result<()> {
    loop {
        let waiting = store::unpublished(&letters.0.database, WINDOW).await?;
        if waiting.is_empty() {
            return Ok(());
        }
        let stored = tokio::time::timeout(ANSWER, publish_all(jetstream, &waiting)).await;
        let (stored, refusal) = stored.unwrap_or_else(|late| (0, Some(late.into())));
        let ids: Vec<_> = waiting.iter().take(stored).map(|letter| letter.id).collect();
        store::published(&letters.0.database, &ids, letters.now()).await?;
        if let Some(refusal) = refusal {
            return Err(refusal);
        }
    }
}

/// How many were stored, in order, and why the next one was not.
async fn publish_all(jetstream: &jetstream::Context, letters: &[Letter]) -> (usize, Option<anyhow::Error>) {
    for (index, letter) in letters.iter().enumerate() {
        let subject = dead_letter::subject(&letter.origin.subject);
        let sent =
            jetstream.publish_with_headers(subject, headers(letter), letter.origin.payload.clone()).await;
        let stored = match sent {
            Ok(sent) => sent.await,
            Err(error) => Err(error),
        };
        if let Err(error) = stored {
            return (index, Some(error.into()));
        }
    }
    (letters.len(), None)
}

fn headers(letter: &Letter) -> HeaderMap {
    let origin = &letter.origin;
    let mut headers = HeaderMap::new();
    // A copy that is published twice, by two replicas or after a crash, is stored once.
    headers.insert(NATS_MESSAGE_ID, letter.id.to_string());
    headers.insert(dead_letter::CAUSE, letter.cause.as_str());
    headers.insert(dead_letter::CONSUMER, origin.consumer.as_str());
    headers.insert(dead_letter::SUBJECT, origin.subject.as_str());
    headers.insert(dead_letter::STREAM, origin.stream.as_str());
    headers.insert(dead_letter::STREAM_SEQUENCE, origin.stream_sequence.to_string());
    headers.insert(dead_letter::ATTEMPTS, letter.attempts.to_string());
    if let Some(id) = origin.event_id {
        headers.insert(dead_letter::EVENT_ID, id.to_string());
    }
    if let Some(about) = origin.about() {
        headers.insert(names::AGGREGATE, about.id.to_string());
        headers.insert(names::SEQUENCE, about.sequence.to_string());
    }
    if let Some(parent) = &origin.traceparent {
        headers.insert(names::TRACEPARENT, parent.as_str());
    }
    headers
}
