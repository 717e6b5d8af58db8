//! Messages that could not be handled, kept for people to look at and send again.

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::{self, Message};
use serde::Deserialize;
use uuid::Uuid;

use super::Delivery;

/// Longest cause that is kept.
const MAX_CAUSE: usize = 1000;
/// Pause between two tries to publish a dead letter.
const RETRY: Duration = Duration::from_secs(2);

/// Publishes `message` to `dlx.<subject>.failed`. Tries until it is stored, so that a broker that is away
/// does not hide the cause; when the process ends first, the message is delivered again.
pub(super) async fn publish(
    jetstream: &jetstream::Context,
    message: &Message,
    delivery: &Delivery,
    cause: &str,
) {
    let subject = format!("{}.{}.failed", topology::DEAD_LETTER_PREFIX, delivery.subject);
    let headers = headers(message, delivery, cause);
    loop {
        let sent =
            jetstream.publish_with_headers(subject.clone(), headers.clone(), message.payload.clone()).await;
        let error = match sent {
            Ok(ack) => match ack.await {
                Ok(_) => return,
                Err(error) => error,
            },
            Err(error) => error,
        };
        tracing::error!(%subject, %error, "dead letter could not be published, will be again");
        tokio::time::sleep(RETRY).await;
    }
}

fn headers(message: &Message, delivery: &Delivery, cause: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Some(parent) = message.headers.as_ref().and_then(|headers| headers.get("traceparent")) {
        headers.insert("traceparent", parent.as_str());
    }
    // The same failure of the same message is one dead letter, however often it is published.
    let id = format!("{}.{}.{}", delivery.durable, delivery.stream, delivery.sequence);
    headers.insert(async_nats::header::NATS_MESSAGE_ID, id);
    headers.insert("Shopflow-Cause", one_line(cause));
    headers.insert("Shopflow-Consumer", delivery.durable);
    headers.insert("Shopflow-Stream", delivery.stream.as_str());
    headers.insert("Shopflow-Sequence", delivery.sequence.to_string());
    headers.insert("Shopflow-Subject", delivery.subject.as_str());
    headers.insert("Shopflow-Attempts", delivery.attempt.to_string());
    if let Some(id) = event_id(&message.payload) {
        headers.insert("Shopflow-Event-Id", id.to_string());
    }
    headers
}

/// A header ends at a line break.
fn one_line(cause: &str) -> String {
    cause.chars().take(MAX_CAUSE).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn event_id(body: &[u8]) -> Option<Uuid> {
    #[derive(Deserialize)]
    struct Head {
        event_id: Uuid,
    }
    serde_json::from_slice::<Head>(body).ok().map(|head| head.event_id)
}
