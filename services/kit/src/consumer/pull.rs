//! Asking the server for messages, never for more than there is room for.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::anyhow;
use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::consumer::pull::BatchConfig;
use async_nats::jetstream::{self, Message};
use async_nats::{Client, StatusCode, Subject, Subscriber};
use futures::StreamExt;
use tokio::time::Instant;

/// How long the server holds a request: the number of requests that an idle consumer makes.
const HELD: Duration = Duration::from_secs(30);
/// The server says this often that it holds a request.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// A request of which nothing was heard for so long is lost.
const SILENCE: Duration = Duration::from_secs(12);
/// How often it is looked whether a request was lost with its connection.
const LOOK: Duration = Duration::from_millis(500);
/// How long a stop waits for messages that are on their way.
const DRAIN: Duration = Duration::from_millis(500);

/// Requests of one durable consumer. The client's own stream asks for the next messages before those that it
/// delivered are handled, and keeps what it has buffered when it is dropped, until `ack_wait` has passed; here
/// what is asked for is exactly what there is room for, and what comes after a stop is given back.
pub(super) struct Pull {
    consumer: PullConsumer,
    client: Client,
    context: jetstream::Context,
    inbox: Subject,
    messages: Subscriber,
    /// Requests that the server holds: how many messages each may still bring.
    asked: VecDeque<usize>,
    /// The connection they were made on, counted.
    connection: u64,
    heard: Instant,
}

impl Pull {
    pub(super) async fn open(context: &jetstream::Context, consumer: PullConsumer) -> anyhow::Result<Self> {
        let client = context.client();
        let inbox = Subject::from(client.new_inbox());
        let messages = client.subscribe(inbox.clone()).await?;
        Ok(Self {
            consumer,
            context: context.clone(),
            inbox,
            messages,
            asked: VecDeque::new(),
            connection: connections(&client),
            heard: Instant::now(),
            client,
        })
    }

    /// Asks so that `room` messages may come. Small rooms wait, so that under load not every message is a
    /// request of its own.
    pub(super) async fn ask(&mut self, room: usize, worthwhile: usize) -> anyhow::Result<()> {
        let connection = connections(&self.client);
        if connection != self.connection || self.heard.elapsed() > SILENCE {
            self.connection = connection;
            self.asked.clear();
        }
        let missing = room.saturating_sub(self.asked.iter().sum());
        if missing == 0 || (missing < worthwhile && !self.asked.is_empty()) {
            return Ok(());
        }
        let request = BatchConfig {
            batch: missing,
            expires: Some(HELD),
            idle_heartbeat: HEARTBEAT,
            ..BatchConfig::default()
        };
        self.consumer.request_batch(request, self.inbox.clone()).await?;
        self.heard = Instant::now();
        self.asked.push_back(missing);
        Ok(())
    }

    /// The next message; `None` when it is time to ask again. Loses nothing when dropped.
    pub(super) async fn next(&mut self) -> anyhow::Result<Option<Message>> {
        let Ok(message) = tokio::time::timeout(LOOK, self.messages.next()).await else { return Ok(None) };
        let message = message.ok_or_else(|| anyhow!("the subscription ended"))?;
        self.heard = Instant::now();
        match message.status {
            None | Some(StatusCode::OK) => {
                self.received();
                Ok(Some(Message { message, context: self.context.clone() }))
            }
            Some(StatusCode::IDLE_HEARTBEAT) => Ok(None),
            Some(StatusCode::NO_RESPONDERS) => Err(anyhow!("the consumer does not exist")),
            Some(status) => self.ended(status, &message),
        }
    }

    /// How many messages wait at the server, if it says so soon.
    pub(super) async fn pending(&self) -> Option<u64> {
        let asked = tokio::time::timeout(LOOK, self.consumer.get_info()).await;
        Some(asked.ok()?.ok()?.num_pending)
    }

    /// Asks for nothing more, and returns what was on its way.
    pub(super) async fn close(mut self) -> Vec<Message> {
        let mut late = Vec::new();
        if self.messages.drain().await.is_err() {
            return late;
        }
        let end = Instant::now() + DRAIN;
        while let Ok(Some(message)) = tokio::time::timeout_at(end, self.messages.next()).await {
            if message.status.is_none_or(|status| status == StatusCode::OK) {
                late.push(Message { message, context: self.context.clone() });
            }
        }
        late
    }

    /// Requests are served in the order in which they were made.
    fn received(&mut self) {
        if let Some(first) = self.asked.front_mut() {
            *first = first.saturating_sub(1);
            if *first == 0 {
                self.asked.pop_front();
            }
        }
    }

    /// A request ended before it was full: its time was up (408), or the server refused it (409).
    fn ended(
        &mut self,
        status: StatusCode,
        message: &async_nats::Message,
    ) -> anyhow::Result<Option<Message>> {
        self.asked.pop_front();
        let description = message.description.as_deref().unwrap_or_default();
        if status == StatusCode::TIMEOUT || description == "Leadership Change" {
            return Ok(None);
        }
        // A consumer that is gone, or refuses requests, is looked up again.
        Err(anyhow!("the server ended a request: {status} {description}"))
    }
}

fn connections(client: &Client) -> u64 {
    client.statistics().connects.load(Ordering::Relaxed)
}
