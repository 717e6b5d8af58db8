//! Messages that a consumer gave up, kept for people to look at and to handle again.
//!
//! A dead letter is written in the transaction that gives its message up, so none is lost and none is there
//! twice, whatever is unavailable meanwhile. A copy goes to `dlx.<subject>.failed` afterwards, as soon as the
//! stream of dead letters takes it. Rows are kept for 30 days.
//!
//! A redrive hands the stored message to the same handler again, in this process: nothing is published, so
//! no other consumer sees the event a second time, and neither the broker's nor the inbox's memory of the
//! first time stands in its way. The event keeps its id, so what took effect before is not done twice.

mod background;
mod copies;
mod http;
mod redrive;
mod store;

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::watch;
use uuid::Uuid;

pub use http::{
    Accepted, Cause, Causes, DeadLetter, DiscardSelection, Discarded, FilterQuery, MAX_CAUSES, Selection,
    routes,
};

use crate::clock::SharedClock;
use crate::consumer::{Handlers, Origin};
use crate::database::{Database, Error, Transaction};
use crate::timestamp::Timestamp;

pub(crate) use background::Background;
pub(crate) use store::DELETE;

/// How long dead letters are kept, in the table and in their stream.
pub const KEPT: TimeDelta = TimeDelta::days(30);
/// Longest cause that is kept, in characters.
const MAX_CAUSE: usize = 1000;

/// The dead letters of one service. Clones share them.
#[derive(Clone)]
pub struct DeadLetters(Arc<Inner>);

struct Inner {
    database: Database,
    clock: SharedClock,
    /// By the consumer's durable name.
    handlers: HashMap<&'static str, Handlers>,
    /// Something was recorded, or a redrive was asked for.
    changed: watch::Sender<()>,
}

/// A message that is given up.
pub(crate) struct NewLetter<'a> {
    pub(crate) origin: &'a Origin,
    pub(crate) cause: &'a str,
    pub(crate) attempts: u32,
}

/// A dead letter.
#[derive(Debug, Clone)]
pub(crate) struct Letter {
    pub(crate) id: Uuid,
    pub(crate) origin: Origin,
    pub(crate) cause: String,
    pub(crate) attempts: i32,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) redrives: i32,
    pub(crate) redrive_id: Option<Uuid>,
    pub(crate) redriven_at: Option<DateTime<Utc>>,
    pub(crate) discarded_at: Option<DateTime<Utc>>,
    pub(crate) discard_reason: Option<String>,
}

/// Where a dead letter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = DeadLetterStatus)]
pub enum Status {
    /// Waits for an administrator.
    Dead,
    /// A redrive took effect.
    Redriven,
    /// An administrator decided that it needs no redrive.
    Discarded,
}

impl Letter {
    pub(crate) fn status(&self) -> Status {
        match (self.redriven_at, self.discarded_at) {
            (Some(_), _) => Status::Redriven,
            (None, Some(_)) => Status::Discarded,
            (None, None) => Status::Dead,
        }
    }
}

impl NewLetter<'_> {
    /// What tells it apart from other messages of its consumer.
    fn message(&self) -> String {
        let Origin { event_id, stream, stream_sequence, stored_at, .. } = self.origin;
        let place = || format!("{stream}/{stream_sequence}/{}", stored_at.timestamp_micros());
        event_id.map_or_else(place, |id| id.to_string())
    }
}

impl DeadLetters {
    /// Dead letters of these consumers.
    pub(crate) fn new(
        database: Database,
        clock: SharedClock,
        handlers: HashMap<&'static str, Handlers>,
    ) -> Self {
        Self(Arc::new(Inner { database, clock, handlers, changed: watch::Sender::new(()) }))
    }

    /// Writes a dead letter in the transaction that gives its message up. What was given up before, and is
    /// given up again by a redrive or by another effect of the same event, stays one letter.
    pub(crate) async fn record(
        &self,
        transaction: &mut Transaction,
        letter: &NewLetter<'_>,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let cause = shown(letter.cause);
        // As it is shown: a list is continued after the time that it showed.
        let now = Timestamp::new(now).get();
        store::insert(transaction, Uuid::now_v7(), letter, &letter.message(), &cause, now).await
    }

    /// After a commit: a copy can be published, or a redrive is due.
    pub(crate) fn changed(&self) {
        self.0.changed.send_replace(());
    }

    fn now(&self) -> DateTime<Utc> {
        self.0.clock.now()
    }
}

/// A cause on one line, as a header and a list show it.
fn shown(cause: &str) -> String {
    cause.chars().take(MAX_CAUSE).map(|c| if c.is_control() { ' ' } else { c }).collect()
}
