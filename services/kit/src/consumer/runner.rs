//! Runs one durable consumer: pulls its messages, keeps them alive while they are handled, answers them.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::{self, AckKind, Message};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span};

use super::attempt::{Answer, Attempt, Worker};
use super::delivery::Delivery;
use super::gate::Gate;
use super::metrics::Metrics;
use super::pull::Pull;
use crate::lifecycle::Shutdown;

/// Messages held at once by one process.
const IN_FLIGHT: usize = 10;
/// Messages held while the gate is closed: with two, one that alone is refused holds up no other.
const PROBES: usize = 2;
/// Places that must be free before the server is asked to fill them.
const WORTHWHILE: usize = IN_FLIGHT / 2;
/// Messages that are handled at shutdown may take this long; then they are given back, which takes a moment, too.
pub(crate) const STOP_LIMIT: Duration = topology::TASKS_END.saturating_sub(Duration::from_secs(2));
/// How often the server is asked how much waits, while the gate is closed.
const LAG: Duration = Duration::from_secs(15);
/// Pause of a message that alone hears "not now" while others succeed.
const OWN_TROUBLE_PAUSE: Duration = Duration::from_secs(15);

/// One consumer.
pub(super) struct Runner {
    pub(super) jetstream: jetstream::Context,
    pub(super) worker: Worker,
    pub(super) metrics: Metrics,
    /// Notified after each commit, because effects may have been planned.
    pub(super) planned: watch::Sender<()>,
}

/// What the messages of one run share.
struct Shared {
    runner: Arc<Runner>,
    gate: Gate,
    places: Semaphore,
    /// How often the `ack_wait` of a message that is being handled begins again.
    progress: Duration,
    /// What is not answered now is given back.
    stop: CancellationToken,
}

impl Runner {
    /// Handles messages until shutdown. An error means: run it again.
    pub(super) async fn run(self: Arc<Self>, shutdown: Shutdown) -> anyhow::Result<()> {
        let topology::Consumer { durable, stream, .. } = *self.worker.consumer;
        let consumer: PullConsumer = self.jetstream.get_consumer_from_stream(durable, stream).await?;
        let progress = consumer.cached_info().config.ack_wait / 3;
        let shared = Arc::new(Shared {
            gate: Gate::new(self.metrics.paused(durable)),
            places: Semaphore::new(IN_FLIGHT),
            progress: progress.max(Duration::from_millis(10)),
            stop: CancellationToken::new(),
            runner: Arc::clone(&self),
        });
        let mut pull = Pull::open(&self.jetstream, consumer).await?;
        tracing::info!(consumer = durable, "consuming");
        let mut held = JoinSet::new();
        let result = Arc::clone(&shared).pull(&mut pull, &mut held, &shutdown).await;
        for message in pull.close().await {
            answer(&message, AckKind::Nak(None)).await;
        }
        let unfinished = async { while held.join_next().await.is_some() {} };
        if tokio::time::timeout(STOP_LIMIT, unfinished).await.is_err() {
            shared.stop.cancel();
            while held.join_next().await.is_some() {}
        }
        // Answers wait in the client's buffer.
        let _ = tokio::time::timeout(Duration::from_secs(1), self.jetstream.client().flush()).await;
        result
    }
}

impl Shared {
    /// Pulls messages, each into a task of its own, until shutdown.
    async fn pull(
        self: Arc<Self>,
        pull: &mut Pull,
        held: &mut JoinSet<()>,
        shutdown: &Shutdown,
    ) -> anyhow::Result<()> {
        let mut lag = tokio::time::interval(LAG);
        lag.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !shutdown.is_requested() {
            let (most, worthwhile) =
                if self.gate.is_closed() { (PROBES, 1) } else { (IN_FLIGHT, WORTHWHILE) };
            pull.ask(most.saturating_sub(held.len()), worthwhile).await?;
            tokio::select! {
                () = shutdown.requested() => {}
                Some(_) = held.join_next() => {}
                () = self.gate.opened(), if self.gate.is_closed() => {}
                // Otherwise each message says how many wait behind it.
                _ = lag.tick(), if self.gate.is_closed() => {
                    if let Some(pending) = pull.pending().await {
                        self.runner.metrics.pending(self.runner.worker.consumer.durable, pending);
                    }
                }
                message = pull.next() => if let Some(message) = message? {
                    held.spawn(Arc::clone(&self).hold(message, shutdown.clone()));
                }
            }
        }
        Ok(())
    }

    /// Keeps a message until it is answered.
    async fn hold(self: Arc<Self>, message: Message, shutdown: Shutdown) {
        let durable = self.runner.worker.consumer.durable;
        let Some(delivery) = Delivery::of(durable, &message) else {
            tracing::warn!(consumer = durable, "message without delivery data ignored");
            return;
        };
        self.runner.metrics.pending(durable, delivery.pending);
        let span = span(&delivery);
        crate::telemetry::continue_from(&span, &delivery.origin);
        let handled = self.handle(&delivery, &shutdown);
        let held = async {
            let mut handled = std::pin::pin!(handled);
            let mut progress = tokio::time::interval(self.progress);
            progress.tick().await;
            loop {
                tokio::select! {
                    biased;
                    outcome = &mut handled => break outcome,
                    () = self.stop.cancelled() => break Outcome::GivenBack,
                    _ = progress.tick() => answer(&message, AckKind::Progress).await,
                }
            }
        };
        let outcome = held.instrument(span).await;
        answer(&message, outcome.ack()).await;
        self.runner.metrics.delivered(durable, outcome.name());
    }

    /// Tries the message until it is answered; "not now" pauses the whole consumer.
    async fn handle(&self, delivery: &Delivery, shutdown: &Shutdown) -> Outcome {
        let Ok(_place) = self.places.acquire().await else { return Outcome::GivenBack };
        let mut attempt = Attempt::new(&self.runner.worker, delivery);
        let mut turn = self.gate.arrive();
        loop {
            tokio::select! {
                biased;
                () = turn.comes() => {}
                // Whoever waits for something unavailable would wait in vain.
                () = shutdown.requested() => return Outcome::GivenBack,
            }
            let started = Instant::now();
            let result = attempt.run().await;
            self.runner.metrics.tried(self.runner.worker.consumer.durable, started.elapsed());
            match result {
                Ok(result) => {
                    turn.answered();
                    if result == Answer::Handled {
                        self.runner.planned.send_replace(());
                    }
                    return Outcome::Answered(result);
                }
                Err(cause) => {
                    self.runner.metrics.delivered(self.runner.worker.consumer.durable, "not_now");
                    let alone = turn.refused();
                    tracing::warn!(error = format!("{cause:#}"), alone, "event cannot be handled now");
                    if alone {
                        return Outcome::Later;
                    }
                }
            }
        }
    }
}

/// What became of one delivery.
#[derive(Debug, Clone, Copy)]
enum Outcome {
    Answered(Answer),
    /// It alone met something unavailable, and comes again.
    Later,
    /// The process stops; the message comes again, here or elsewhere.
    GivenBack,
}

impl Outcome {
    /// Dead letters are acknowledged, not terminated: an advisory of the broker then means another's doing.
    fn ack(self) -> AckKind {
        match self {
            Self::Answered(Answer::Handled | Answer::Duplicate | Answer::GivenUp) => AckKind::Ack,
            Self::Answered(Answer::Again(pause)) => AckKind::Nak(Some(pause)),
            Self::Later => AckKind::Nak(Some(OWN_TROUBLE_PAUSE)),
            Self::GivenBack => AckKind::Nak(None),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Answered(Answer::Handled) => "handled",
            Self::Answered(Answer::Duplicate) => "duplicate",
            Self::Answered(Answer::Again(_)) => "retried",
            Self::Answered(Answer::GivenUp) => "dead_letter",
            Self::Later => "later",
            Self::GivenBack => "given_back",
        }
    }
}

/// An answer that is lost only means another delivery, which the inbox recognises.
async fn answer(message: &Message, kind: AckKind) {
    if let Err(error) = message.ack_with(kind).await {
        tracing::warn!(%error, "delivery could not be answered");
    }
}

/// Named as OpenTelemetry's conventions for messaging do.
fn span(delivery: &Delivery) -> Span {
    let origin = &delivery.origin;
    tracing::info_span!(
        "consume",
        otel.name = format!("process {}", origin.subject),
        otel.kind = "consumer",
        messaging.system = "nats",
        messaging.operation.r#type = "process",
        messaging.destination.name = origin.subject,
        messaging.consumer.group.name = origin.consumer,
        messaging.nats.stream = origin.stream,
        messaging.nats.sequence = origin.stream_sequence,
        messaging.nats.delivered = delivery.delivered,
    )
}
