//! Records events that were given up, and redrives them.
//!
//! A redrive runs here and publishes nothing: `order.created` may be published by the order service alone, and its
//! other consumers must not see the event again. It handles the stored message once more under a message id of its
//! own, so that neither the broker's nor the inbox's memory of the first one stands in its way.

use kit::clock::SharedClock;
use kit::database::Database;
use kit::paging::{Slice, Window};
use kit::timestamp::Timestamp;
use uuid::Uuid;

use super::deliver::{DeliverError, Notifier, Run};
use crate::domain::{DeadLetter, NotAnOrderEvent, OrderEvent};
use crate::store::{dead_letters, notifications};

/// A dead letter as it arrives.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    /// Where it lies in the broker: unique.
    pub(crate) source: String,
    /// Subject of the original message.
    pub(crate) subject: String,
    /// The original message.
    pub(crate) payload: Vec<u8>,
    /// Why it was given up.
    pub(crate) cause: String,
    /// Deliveries before.
    pub(crate) attempts: i32,
}

/// Records a dead letter and fails what its event has left queued. A second delivery changes nothing.
pub(crate) async fn record(
    database: &Database,
    clock: &SharedClock,
    arrival: Arrival,
) -> Result<(), sqlx::Error> {
    let letter = DeadLetter {
        id: Uuid::now_v7(),
        event_id: OrderEvent::decode(&arrival.payload).ok().map(|event| event.event_id),
        subject: arrival.subject,
        payload: arrival.payload,
        cause: arrival.cause,
        attempts: arrival.attempts,
        redrives: 0,
        redrive_id: None,
        created_at: Timestamp::now(clock.as_ref()).get(),
        redriven_at: None,
    };
    let mut transaction = database.pool().begin().await?;
    let fresh = dead_letters::insert(&mut transaction, &letter, &arrival.source).await?;
    if let (true, Some(event_id)) = (fresh, letter.event_id) {
        notifications::give_up(&mut transaction, event_id, &letter.cause).await?;
    }
    transaction.commit().await
}

/// The part of all dead letters that `window` asks for, newest first.
pub(crate) async fn list(
    database: &Database,
    window: &Window,
) -> Result<Slice<DeadLetter>, kit::database::Error> {
    dead_letters::list(database, window).await
}

/// Why a dead letter was not redriven.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RedriveError {
    #[error("no such dead letter")]
    NotFound,
    #[error("a redrive has sent everything before")]
    AlreadyRedriven,
    #[error("the stored message can never be handled")]
    Unreadable(#[source] NotAnOrderEvent),
    #[error("the event cannot be notified")]
    Deliver(#[source] DeliverError),
    #[error("the database cannot be used")]
    Store(#[from] sqlx::Error),
}

/// Handles a dead letter's event again.
pub(crate) async fn redrive(notifier: &Notifier, id: Uuid) -> Result<DeadLetter, RedriveError> {
    let pool = notifier.database.pool();
    let letter = dead_letters::find(&pool, id).await?.ok_or(RedriveError::NotFound)?;
    let event = OrderEvent::decode(&letter.payload).map_err(RedriveError::Unreadable)?;
    let redrive_id = Uuid::now_v7();
    let Some(letter) = dead_letters::begin_redrive(&pool, id, redrive_id).await? else {
        return Err(RedriveError::AlreadyRedriven);
    };
    tracing::info!(
        dead_letter.id = %letter.id,
        dead_letter.redrive_id = %redrive_id,
        event.id = %event.event_id,
        "redriving a dead letter"
    );
    let result = notifier.deliver(&event, Run::Redrive).await;
    let failure = result.as_ref().err().map(ToString::to_string);
    let now = Timestamp::now(notifier.clock.as_ref()).get();
    let letter = dead_letters::end_redrive(&notifier.database.pool(), id, failure.as_deref(), now).await?;
    match result {
        Ok(()) => letter.ok_or(RedriveError::NotFound),
        Err(error) => Err(RedriveError::Deliver(error)),
    }
}
