//! Tells a person about an order event, over every channel, once.
//!
//! Sending cannot be part of a database transaction, so it happens between two:
//! 1. One transaction records a queued notification for each channel. The event and the channel are unique
//!    together, so a redelivery finds the first delivery's rows and adds none.
//! 2. Each queued notification is leased, sent and settled, channel by channel, at the same time. What is sent
//!    is never sent again; the lease keeps two runs from sending at once.
//! 3. When all are sent, the event is recorded in the inbox.
//!
//! A crash between the provider's answer and its record, or an answer that never arrives, is the one way to send twice.
//! Mail then carries the same `Message-ID`, by which receivers recognise a repeat.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use futures::future::join_all;
use kit::client::ClientError;
use kit::clock::SharedClock;
use kit::database::Database;
use kit::timestamp::Timestamp;
use sqlx::PgConnection;

use super::sources::Sources;
use crate::domain::{
    Channel, ContentError, Draft, Notification, OrderEvent, Outcome, Settlement, Status, Verdict, drafts,
    settle, verdict,
};
use crate::metrics::Attempts;
use crate::providers::{Message, Providers, SendError};
use crate::store::notifications::{self, Origin};

/// Longest that a provider may take for one message.
const SEND_LIMIT: Duration = Duration::from_secs(15);
/// Longer than a send, so that it covers one; shorter than the broker's `ack_wait` of 30 s, so that the
/// redelivery after a crash finds it ended.
const LEASE: Duration = Duration::from_secs(20);

/// Name of the consumer, under which the inbox records finished events.
pub(crate) const CONSUMER: &str = "notification-orders";

/// Why an event is not fully notified.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DeliverError {
    #[error("the database cannot be used")]
    Store(#[from] sqlx::Error),
    #[error("the order cannot be read")]
    Order(#[source] ClientError),
    #[error("the user cannot be read")]
    User(#[source] ClientError),
    #[error("the order belongs to another user than the event says")]
    ForeignOrder,
    #[error("the messages cannot be rendered")]
    Content(#[from] ContentError),
    #[error("not sent yet: {}", names(.0))]
    Unsent(Vec<Channel>),
    #[error("refused for good: {}", names(.0))]
    Refused(Vec<Channel>),
}

fn names(channels: &[Channel]) -> String {
    channels.iter().map(|channel| channel.as_str()).collect::<Vec<_>>().join(", ")
}

impl DeliverError {
    /// Whether the same event may succeed later.
    pub(crate) fn is_retryable(&self) -> bool {
        match self {
            Self::Order(error) | Self::User(error) => error.is_transient(),
            Self::Store(_) | Self::Unsent(_) => true,
            Self::ForeignOrder | Self::Content(_) | Self::Refused(_) => false,
        }
    }
}

/// What the run knows of other runs for the same event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Run {
    /// A delivery by the broker; `last` when it will not deliver again.
    Delivery { last: bool },
    /// An administrator's redrive: reads order and user anew and gives failed channels another chance.
    Redrive,
}

impl Run {
    fn is_last(self) -> bool {
        matches!(self, Self::Redrive | Self::Delivery { last: true })
    }
}

/// Tells people about order events.
pub struct Notifier {
    pub(crate) database: Database,
    pub(crate) clock: SharedClock,
    pub(crate) sources: Sources,
    pub(crate) providers: Providers,
    pub(crate) attempts: Attempts,
}

impl Notifier {
    /// Sends what is not sent of the event's notifications.
    pub(crate) async fn deliver(&self, event: &OrderEvent, run: Run) -> Result<(), DeliverError> {
        let planned = self.plan(event, run).await?;
        let sends = planned.iter().map(|notification| self.attempt(notification, run.is_last()));
        let outcomes = join_all(sends).await.into_iter().collect::<Result<Vec<_>, _>>()?;
        match verdict(&outcomes) {
            Verdict::Done => Ok(self.finish(event).await?),
            Verdict::Retry { channels } => Err(DeliverError::Unsent(channels)),
            Verdict::Reject { channels } => Err(DeliverError::Refused(channels)),
        }
    }

    /// The event's notifications, recorded by this run or by an earlier one.
    async fn plan(&self, event: &OrderEvent, run: Run) -> Result<Vec<Notification>, DeliverError> {
        if let Run::Delivery { .. } = run {
            let mut connection = self.database.pool().acquire().await?;
            let recorded = notifications::of_event(&mut connection, event.event_id).await?;
            if !recorded.is_empty() {
                return Ok(recorded);
            }
        }
        let drafts = self.drafts(event).await?;
        let mut transaction = self.database.pool().begin().await?;
        let planned = self.record(&mut transaction, event, run, &drafts).await?;
        transaction.commit().await?;
        Ok(planned)
    }

    async fn drafts(&self, event: &OrderEvent) -> Result<Vec<Draft>, DeliverError> {
        let order = self.sources.order(event.order_id).await.map_err(DeliverError::Order)?;
        // Never tell one person about another's order.
        if order.user_id != event.user_id {
            return Err(DeliverError::ForeignOrder);
        }
        let customer = self.sources.customer(event.user_id).await.map_err(DeliverError::User)?;
        Ok(drafts(event.kind, &order, &customer)?)
    }

    async fn record(
        &self,
        connection: &mut PgConnection,
        event: &OrderEvent,
        run: Run,
        drafts: &[Draft],
    ) -> Result<Vec<Notification>, sqlx::Error> {
        let origin = Origin {
            event_id: event.event_id,
            kind: event.kind,
            user_id: event.user_id,
            order_id: event.order_id,
            created_at: Timestamp::now(self.clock.as_ref()).get(),
        };
        match run {
            Run::Delivery { .. } => notifications::queue(connection, &origin, drafts).await?,
            Run::Redrive => notifications::requeue(connection, &origin, drafts).await?,
        }
        let mut planned = notifications::of_event(connection, event.event_id).await?;
        // A customer who has no phone any more gets no SMS, however often it failed before.
        planned.retain(|notification| drafts.iter().any(|draft| draft.channel == notification.channel));
        Ok(planned)
    }

    async fn attempt(
        &self,
        notification: &Notification,
        last: bool,
    ) -> Result<(Channel, Outcome), sqlx::Error> {
        let outcome = match notification.status {
            Status::Sent => {
                Outcome::Sent { provider_ref: notification.provider_ref.clone().unwrap_or_default() }
            }
            Status::Failed => {
                Outcome::Refused { message: notification.error_message.clone().unwrap_or_default() }
            }
            Status::Queued => self.send(notification, last).await?,
        };
        Ok((notification.channel, outcome))
    }

    async fn send(&self, notification: &Notification, last: bool) -> Result<Outcome, sqlx::Error> {
        let pool = self.database.pool();
        if !notifications::lease(&pool, notification.id, LEASE).await? {
            return Ok(Outcome::Busy);
        }
        let outcome = self.hand_over(notification).await;
        log(notification, &outcome);
        self.attempts.count(notification.channel, &outcome);
        if let Some(settlement) = settle(&outcome, last) {
            self.keep(notification, &settlement).await?;
        }
        Ok(outcome)
    }

    /// Records an attempt, waiting for a database that is away: a message whose sending is not on record is sent again.
    async fn keep(&self, notification: &Notification, settlement: &Settlement) -> Result<(), sqlx::Error> {
        let now = Timestamp::now(self.clock.as_ref()).get();
        let pauses = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(100))
            .with_max_delay(Duration::from_secs(2))
            .with_max_times(30);
        (async || notifications::settle(&self.database.pool(), notification.id, settlement, now).await)
            .retry(pauses)
            .when(kit::database::is_away)
            .await
    }

    async fn hand_over(&self, notification: &Notification) -> Outcome {
        let message = Message {
            id: notification.id,
            recipient: notification.recipient.clone(),
            subject: notification.subject.clone(),
            body: notification.body.clone(),
        };
        let sending = self.providers.of(notification.channel).send(&message);
        match tokio::time::timeout(SEND_LIMIT, sending).await {
            Ok(Ok(provider_ref)) => Outcome::Sent { provider_ref },
            Ok(Err(SendError::Refused(message))) => Outcome::Refused { message },
            Ok(Err(SendError::Unavailable(message))) => Outcome::Unavailable { message },
            Err(_) => Outcome::Unavailable { message: "the provider did not answer in time".to_owned() },
        }
    }

    async fn finish(&self, event: &OrderEvent) -> Result<(), sqlx::Error> {
        let mut transaction = self.database.pool().begin().await?;
        kit::inbox::record(&mut transaction, CONSUMER, event.event_id).await?;
        transaction.commit().await
    }
}

/// Neither recipient nor the provider's words: both name people. They are in the notification's record.
fn log(notification: &Notification, outcome: &Outcome) {
    tracing::info!(
        notification.id = %notification.id,
        notification.channel = %notification.channel,
        notification.outcome = outcome.name(),
        "notification attempted"
    );
}
