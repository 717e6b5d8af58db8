//! Pulls messages of one durable consumer and hands them to its handlers.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::{self, AckKind, Message};
use futures::{FutureExt, StreamExt};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use tokio::task::JoinSet;
use tracing::Instrument;

use super::dead_letter;
use super::delivery::Delivery;
use super::handlers::{HandleError, Handlers};
use crate::lifecycle::Shutdown;
use crate::metrics::Registry;

/// Deliveries that a handler sees. The server delivers on until it has an answer, so that a message whose
/// last handler died comes once more, and becomes a dead letter unseen by another.
pub const MAX_ATTEMPTS: u32 = 4;
/// Messages handled at once; the consumer's `max_ack_pending`.
const IN_FLIGHT: usize = 10;
/// Pauses before the second, third and fourth delivery.
const PAUSES: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(4), Duration::from_secs(16)];
/// A handler at work says so this often; a third of the consumer's `ack_wait`.
const PROGRESS: Duration = Duration::from_secs(10);
/// A handler that takes longer has failed.
const HANDLER_TIMEOUT: Duration = Duration::from_mins(5);
/// How long the server holds a request for a message. Also how long a stop may take when idle: a
/// request is never given up, or the message that answers it would be lost until `ack_wait` has passed.
const PULL: Duration = Duration::from_secs(3);
/// Pause after a pull that failed, such as while NATS is away.
const RETRY: Duration = Duration::from_millis(500);

/// Runs one durable consumer of a service.
#[derive(Clone)]
pub struct Runner {
    consumer: &'static topology::Consumer,
    jetstream: jetstream::Context,
    handlers: Handlers,
    outcomes: Outcomes,
}

impl Runner {
    /// A runner of `consumer`, which the operator has created.
    pub fn new(
        consumer: &'static topology::Consumer,
        jetstream: jetstream::Context,
        handlers: Handlers,
        registry: &Registry,
    ) -> Self {
        Self { consumer, jetstream, handlers, outcomes: registry.outcomes() }
    }

    /// Handles messages until shutdown; those being handled then are finished. An error means: run it again.
    pub async fn run(self, shutdown: Shutdown) -> anyhow::Result<()> {
        let (durable, stream) = (self.consumer.durable, self.consumer.stream);
        for subject in self.consumer.subjects {
            anyhow::ensure!(self.handlers.knows(subject), "{durable} has no handler for {subject}");
        }
        let pull: PullConsumer = self.jetstream.get_consumer_from_stream(durable, stream).await?;
        tracing::info!(consumer = durable, "consuming");
        // Each worker holds at most one message, so none waits unseen while its time runs out.
        let mut workers = JoinSet::new();
        for _ in 0..IN_FLIGHT {
            workers.spawn(self.clone().work(pull.clone(), shutdown.clone()));
        }
        while let Some(ended) = workers.join_next().await {
            ended?;
        }
        Ok(())
    }

    async fn work(self, pull: PullConsumer, shutdown: Shutdown) {
        while !shutdown.is_requested() {
            match next(&pull).await {
                Ok(Some(message)) => self.process(&message).await,
                Ok(None) => {}
                Err(error) => {
                    tracing::debug!(consumer = self.consumer.durable, %error, "no message could be fetched");
                    shutdown.sleep(RETRY).await;
                }
            }
        }
    }

    async fn process(&self, message: &Message) {
        let Some(delivery) = Delivery::of(self.consumer.durable, message) else {
            tracing::warn!(consumer = self.consumer.durable, "message without delivery data ignored");
            return;
        };
        let span = tracing::info_span!(
            "consume",
            consumer = delivery.durable,
            subject = %delivery.subject,
            sequence = delivery.sequence,
            attempt = delivery.attempt
        );
        if let Some(headers) = &message.headers {
            crate::telemetry::continue_from(&span, headers);
        }
        async {
            let result = if delivery.attempt > MAX_ATTEMPTS {
                let cause = "the last attempt was not answered: its process ended, or its answer was lost";
                Err(HandleError::Reject(anyhow::anyhow!(cause)))
            } else {
                self.handle(message, &delivery).await
            };
            self.answer(message, &delivery, result).await;
        }
        .instrument(span)
        .await;
    }

    /// The handler's result, with a panic and a time-out as failures, while the server is told of progress.
    async fn handle(&self, message: &Message, delivery: &Delivery) -> Result<(), HandleError> {
        let handled = AssertUnwindSafe(self.handlers.handle(delivery, &message.payload)).catch_unwind();
        let mut handled = std::pin::pin!(tokio::time::timeout(HANDLER_TIMEOUT, handled));
        let mut progress = tokio::time::interval(PROGRESS);
        progress.tick().await;
        loop {
            tokio::select! {
                result = &mut handled => return match result {
                    Ok(Ok(result)) => result,
                    Ok(Err(_)) => Err(HandleError::Retry(anyhow::anyhow!("the handler panicked"))),
                    Err(_) => Err(HandleError::Retry(anyhow::anyhow!("the handler took too long"))),
                },
                _ = progress.tick() => self.ack(message, AckKind::Progress).await,
            }
        }
    }

    async fn answer(&self, message: &Message, delivery: &Delivery, result: Result<(), HandleError>) {
        match result {
            Ok(()) => {
                self.ack(message, AckKind::Ack).await;
                self.outcomes.count(delivery, "handled");
            }
            Err(HandleError::Retry(error)) => match pause_after(delivery.attempt) {
                Some(pause) => {
                    tracing::warn!(
                        error = format!("{error:#}"),
                        retry_in_s = pause.as_secs(),
                        "event failed"
                    );
                    self.ack(message, AckKind::Nak(Some(pause))).await;
                    self.outcomes.count(delivery, "retried");
                }
                None => self.bury(message, delivery, &error).await,
            },
            Err(HandleError::Reject(error)) => self.bury(message, delivery, &error).await,
        }
    }

    /// Publishes the dead letter first: a message that ends in neither place would be lost.
    async fn bury(&self, message: &Message, delivery: &Delivery, error: &anyhow::Error) {
        let cause = format!("{error:#}");
        tracing::error!(error = %cause, "event becomes a dead letter");
        let mut published = std::pin::pin!(dead_letter::publish(&self.jetstream, message, delivery, &cause));
        loop {
            tokio::select! {
                () = &mut published => break,
                () = tokio::time::sleep(PROGRESS) => self.ack(message, AckKind::Progress).await,
            }
        }
        self.ack(message, AckKind::Term).await;
        self.outcomes.count(delivery, "dead_letter");
    }

    /// An answer that is lost only means another delivery.
    async fn ack(&self, message: &Message, kind: AckKind) {
        if let Err(error) = message.ack_with(kind).await {
            tracing::warn!(%error, "delivery could not be answered");
        }
    }
}

/// The next message, or `None` when there was none for [`PULL`].
async fn next(pull: &PullConsumer) -> Result<Option<Message>, async_nats::Error> {
    let mut batch = pull.batch().max_messages(1).expires(PULL).messages().await?;
    match tokio::time::timeout(PULL + Duration::from_secs(2), batch.next()).await {
        Ok(message) => message.transpose(),
        Err(elapsed) => Err(elapsed.into()),
    }
}

/// `None` after the last attempt.
fn pause_after(attempt: u32) -> Option<Duration> {
    let index = usize::try_from(attempt.saturating_sub(1)).ok()?;
    PAUSES.get(index).copied()
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    consumer: &'static str,
    outcome: &'static str,
}

/// The counter `consumer_deliveries_total` by consumer and outcome.
#[derive(Clone)]
pub(crate) struct Outcomes(Family<Labels, Counter>);

impl Outcomes {
    pub(crate) fn new(registry: &Registry) -> Self {
        Self(registry.register(
            "consumer_deliveries",
            "Deliveries of events, by what became of them",
            Family::default(),
        ))
    }

    fn count(&self, delivery: &Delivery, outcome: &'static str) {
        self.0.get_or_create(&Labels { consumer: delivery.durable, outcome }).inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_retries_and_then_none() {
        let pauses: Vec<_> =
            (1..=5).map(|attempt| pause_after(attempt).map(|pause| pause.as_secs())).collect();
        assert_eq!(pauses, [Some(1), Some(4), Some(16), None, None]);
        assert_eq!(u32::try_from(PAUSES.len()).unwrap() + 1, MAX_ATTEMPTS);
    }
}
