//! Publishes what stands in the outbox.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_nats::connection::State;
use async_nats::jetstream;
use async_nats::jetstream::context::PublishAckFuture;
use async_nats::jetstream::publish::PublishAck;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use topology::Stream;

use super::streams::{self, Questions, Sequences};
use super::wake::Wake;
use crate::clock::SharedClock;
use crate::database::Database;
use crate::lifecycle::Shutdown;
use crate::metrics::Registry;
use crate::store::outbox::{self, Row};

/// Rows claimed at once, and so publishes that await their acknowledgement together.
const WINDOW: i64 = 256;
/// Pause after a failure; short, because rows wait.
const RETRY: Duration = Duration::from_millis(500);
/// How often the gauges are refreshed.
const MEASURE: Duration = Duration::from_secs(5);
/// A stream that does not answer for this long is asked again later; rows wait meanwhile.
const ANSWER: Duration = Duration::from_secs(1);

/// Publishes a service's outbox. Several may run at once.
#[derive(Clone)]
pub struct Relay {
    database: Database,
    jetstream: jetstream::Context,
    clock: SharedClock,
    metrics: Arc<Metrics>,
    streams: Vec<&'static Stream>,
}

struct Metrics {
    pending: Gauge,
    oldest: Gauge<f64, AtomicU64>,
    published: Counter,
    failures: Counter,
}

impl Relay {
    /// A relay of `database`'s outbox. Registers its metrics, so make one a service.
    pub fn new(
        database: Database,
        jetstream: jetstream::Context,
        clock: SharedClock,
        registry: &Registry,
    ) -> Self {
        let streams = streams::of(registry.service());
        Self { database, jetstream, clock, metrics: Arc::new(Metrics::new(registry)), streams }
    }

    /// Publishes until shutdown; starts with what was left before. The batch in flight at shutdown is
    /// finished. An error means that the database was away: run it again.
    pub async fn run(self, shutdown: Shutdown) -> anyhow::Result<()> {
        let (mut sequences, mut questions) = (Sequences::default(), Questions::default());
        let mut wake = Wake::new();
        let mut measured: Option<Instant> = None;
        while !shutdown.is_requested() {
            if measured.is_none_or(|at| at.elapsed() >= MEASURE) {
                self.measure().await?;
                measured = Some(Instant::now());
            }
            self.ask_streams(&mut questions, &mut sequences).await?;
            match self.publish_batch(&mut sequences).await? {
                Batch::Full => {}
                Batch::Drained => tokio::select! {
                    () = wake.next() => {}
                    () = shutdown.requested() => {}
                },
                Batch::Failed => {
                    shutdown.sleep(RETRY).await;
                }
            }
        }
        Ok(())
    }

    /// Compares what the streams have with what they acknowledged, once a connection.
    async fn ask_streams(
        &self,
        questions: &mut Questions,
        sequences: &mut Sequences,
    ) -> Result<(), sqlx::Error> {
        let connection = self.jetstream.client().statistics().connects.load(Ordering::Relaxed);
        if questions.is_new(connection) {
            for &stream in &self.streams {
                let last = outbox::last_sequence(&self.database.pool(), stream.subjects).await?;
                if let Some(last) = last.and_then(|last| u64::try_from(last).ok()) {
                    sequences.remember(stream, last);
                }
            }
            questions.ask(connection, self.streams.clone());
        }
        if self.is_connected() {
            while let Some(stream) = questions.next() {
                let Some(last) = self.last_sequence(stream).await else {
                    questions.failed();
                    break;
                };
                if sequences.answered(stream, last) {
                    self.publish_again(stream).await?;
                }
                questions.answered();
            }
        }
        Ok(())
    }

    /// The sequence of the last message that the stream stored; `None` when it does not say.
    async fn last_sequence(&self, stream: &Stream) -> Option<u64> {
        let asked = tokio::time::timeout(ANSWER, self.jetstream.get_stream(stream.name)).await;
        let failure = match asked {
            Ok(Ok(found)) => return Some(found.cached_info().state.last_sequence),
            Ok(Err(error)) => error.to_string(),
            Err(elapsed) => elapsed.to_string(),
        };
        tracing::debug!(stream = stream.name, error = failure, "stream could not be asked what it has");
        None
    }

    fn is_connected(&self) -> bool {
        self.jetstream.client().connection_state() == State::Connected
    }

    /// Claims rows, publishes them in order, and marks those that the stream acknowledged.
    async fn publish_batch(&self, sequences: &mut Sequences) -> Result<Batch, sqlx::Error> {
        // Without a connection the client would only queue, and rows would be held for nothing.
        if !self.is_connected() {
            return Ok(Batch::Failed);
        }
        let mut transaction = self.database.pool().begin_with(outbox::BEGIN_RELAY).await?;
        let rows = outbox::claim(&mut transaction, WINDOW).await?;
        if rows.is_empty() {
            return Ok(Batch::Drained);
        }
        let acked = self.publish(&rows).await;
        let mut ids = Vec::with_capacity(acked.len());
        let mut numbers = Vec::with_capacity(acked.len());
        let mut lost: Option<&'static Stream> = None;
        for (row, ack) in &acked {
            ids.push(row.id);
            numbers.push(i64::try_from(ack.sequence).unwrap_or(i64::MAX));
            lost = sequences.acked(&row.subject, ack.sequence, ack.duplicate).or(lost);
        }
        outbox::mark_published(&mut transaction, &ids, &numbers, self.clock.now()).await?;
        transaction.commit().await?;
        self.metrics.published.inc_by(ids.len() as u64);
        if let Some(stream) = lost {
            self.publish_again(stream).await?;
        }
        Ok(match rows.len() {
            all if all > ids.len() => Batch::Failed,
            _ => Batch::Full,
        })
    }

    /// Sends all, then awaits all acknowledgements. Stops sending at the first failure, so that a later
    /// event of an aggregate does not overtake an earlier one.
    async fn publish<'a>(&self, rows: &'a [Row]) -> Vec<(&'a Row, PublishAck)> {
        let mut sent: Vec<(&Row, PublishAckFuture)> = Vec::with_capacity(rows.len());
        for row in rows {
            match self.send(row).await {
                Ok(ack) => sent.push((row, ack)),
                Err(error) => {
                    self.failed(row, &error);
                    break;
                }
            }
        }
        let mut acked = Vec::with_capacity(sent.len());
        for (row, ack) in sent {
            match ack.await {
                Ok(ack) => acked.push((row, ack)),
                Err(error) => self.failed(row, &error),
            }
        }
        acked
    }

    async fn send(&self, row: &Row) -> Result<PublishAckFuture, jetstream::context::PublishError> {
        let mut headers = async_nats::HeaderMap::new();
        for (name, value) in &row.headers.0 {
            headers.insert(name.as_str(), value.as_str());
        }
        headers.insert(async_nats::header::NATS_MESSAGE_ID, row.id.to_string());
        let payload = row.payload.clone().into_bytes().into();
        self.jetstream.publish_with_headers(row.subject.clone(), headers, payload).await
    }

    fn failed(&self, row: &Row, error: &jetstream::context::PublishError) {
        self.metrics.failures.inc();
        tracing::warn!(event.id = %row.id, subject = %row.subject, %error, "event could not be published, will be again");
    }

    async fn publish_again(&self, stream: &'static Stream) -> Result<(), sqlx::Error> {
        let rows = outbox::forget_published(&self.database.pool(), stream.subjects).await?;
        tracing::warn!(
            stream = stream.name,
            rows,
            "stream was made anew, publishing what is kept of it again"
        );
        Ok(())
    }

    async fn measure(&self) -> Result<(), sqlx::Error> {
        let backlog = outbox::backlog(&self.database.pool()).await?;
        self.metrics.pending.set(backlog.pending);
        let age = backlog.oldest.map_or(0, |oldest| (self.clock.now() - oldest).num_milliseconds().max(0));
        self.metrics.oldest.set(Duration::from_millis(age.unsigned_abs()).as_secs_f64());
        Ok(())
    }
}

enum Batch {
    /// There may be more rows.
    Full,
    /// No row is left that another relay does not hold.
    Drained,
    /// Something was not acknowledged.
    Failed,
}

impl Metrics {
    fn new(registry: &Registry) -> Self {
        Self {
            pending: registry.register(
                "outbox_pending",
                "Events that wait to be published",
                Gauge::default(),
            ),
            oldest: registry.register(
                "outbox_oldest_age_seconds",
                "Age of the oldest event that waits to be published",
                Gauge::default(),
            ),
            published: registry.register("outbox_published", "Events published", Counter::default()),
            failures: registry.register(
                "outbox_publish_failures",
                "Publishes that were not acknowledged",
                Counter::default(),
            ),
        }
    }
}
