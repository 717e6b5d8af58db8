//! `notification-dead-letters`: records this service's own dead letters, so that people see them.
//!
//! Not a consumer of kit's, which would make a dead letter of one that cannot be recorded: this one holds the message,
//! telling the broker so, until the database takes it.

use std::time::Duration;

use anyhow::anyhow;
use async_nats::HeaderMap;
use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::{self, AckKind, Message};
use futures::StreamExt;
use kit::clock::SharedClock;
use kit::database::Database;
use kit::lifecycle::Shutdown;

use crate::app::dead_letters::{self, Arrival};
use crate::app::deliver;
use crate::domain::OrderEvent;

/// Name of the consumer.
pub(crate) const CONSUMER: &str = "notification-dead-letters";

/// How long one request for a message waits; also how long a stop may take.
const PULL: Duration = Duration::from_secs(3);
/// Between two tries to record; well within the consumer's `ack_wait` of 30 s.
const PAUSE: Duration = Duration::from_secs(2);

/// Records until shutdown.
pub(crate) async fn run(
    jetstream: jetstream::Context,
    database: Database,
    clock: SharedClock,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    let consumer = super::consumer(CONSUMER);
    let pull: PullConsumer = jetstream.get_consumer_from_stream(consumer.durable, consumer.stream).await?;
    tracing::info!(consumer = consumer.durable, "consuming");
    while !shutdown.is_requested() {
        // A message that cannot be recorded now would only be held here.
        if database.ping().await.is_err() {
            shutdown.sleep(PAUSE).await;
            continue;
        }
        let mut batch = pull.fetch().max_messages(1).expires(PULL).messages().await?;
        while let Some(message) = batch.next().await {
            let message = message.map_err(|error| anyhow!(error))?;
            if !keep(&database, &clock, &message, &shutdown).await? {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Records the message, however long the database is away; false when shutdown came first.
async fn keep(
    database: &Database,
    clock: &SharedClock,
    message: &Message,
    shutdown: &Shutdown,
) -> anyhow::Result<bool> {
    let Some(arrival) = arrival(message)? else {
        message.ack().await.map_err(|error| anyhow!(error))?;
        return Ok(true);
    };
    while let Err(error) = dead_letters::record(database, clock, arrival.clone()).await {
        tracing::error!(%error, "dead letter could not be recorded, will be again");
        message.ack_with(AckKind::Progress).await.map_err(|error| anyhow!(error))?;
        if !shutdown.sleep(PAUSE).await {
            return Ok(false);
        }
    }
    message.ack().await.map_err(|error| anyhow!(error))?;
    Ok(true)
}

/// What the message says; none when another service's consumer gave it up.
fn arrival(message: &Message) -> anyhow::Result<Option<Arrival>> {
    let none = HeaderMap::new();
    let headers = message.headers.as_ref().unwrap_or(&none);
    let header = |name: &str| headers.get(name).map(|value| value.as_str().to_owned());
    if header("Shopflow-Consumer").is_some_and(|consumer| consumer != deliver::CONSUMER) {
        return Ok(None);
    }
    let info = message.info().map_err(|error| anyhow!(error))?;
    // Sequences begin again when a stream is lost, so they do not tell dead letters apart for ever.
    let told_apart = match OrderEvent::decode(&message.payload) {
        Ok(event) => event.event_id.to_string(),
        Err(_) => info.published.unix_timestamp_nanos().to_string(),
    };
    let id = header(async_nats::header::NATS_MESSAGE_ID.as_ref())
        .unwrap_or_else(|| info.stream_sequence.to_string());
    Ok(Some(Arrival {
        source: format!("{id}/{told_apart}"),
        subject: header("Shopflow-Subject").unwrap_or_else(|| original(&message.subject)),
        payload: message.payload.to_vec(),
        cause: header("Shopflow-Cause").unwrap_or_else(|| "unknown".to_owned()),
        attempts: header("Shopflow-Attempts").and_then(|text| text.parse().ok()).unwrap_or_default(),
    }))
}

/// `dlx.order.created.failed` → `order.created`.
fn original(subject: &str) -> String {
    let inner = subject.strip_prefix(topology::DEAD_LETTER_PREFIX).and_then(|rest| rest.strip_prefix('.'));
    inner.and_then(|rest| rest.strip_suffix(".failed")).unwrap_or(subject).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_original_subject_stands_in_the_dead_letters() {
        assert_eq!(original("dlx.order.created.failed"), "order.created");
        assert_eq!(original("other"), "other");
    }
}
