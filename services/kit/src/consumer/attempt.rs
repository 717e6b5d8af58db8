//! Trying one message: the inbox row, the effect and what follows from a failure.

use std::time::Duration;

use anyhow::{Error, anyhow};
use tokio::sync::{RwLock, Semaphore};
use uuid::Uuid;

use super::delivery::{Delivery, Origin};
use super::handler::{Call, Handlers};
use super::rules::{self, Care, Next};
use super::{Failure, guard, store};
use crate::clock::SharedClock;
use crate::database::Database;
use crate::dead_letters::{DeadLetters, NewLetter};

/// Times that a transaction is run at once when another one was in its way.
const CONTENDED_TRIES: u32 = 4;

/// What a consumer works with.
pub(super) struct Worker {
    pub(super) consumer: &'static topology::Consumer,
    pub(super) handlers: Handlers,
    pub(super) database: Database,
    pub(super) clock: SharedClock,
    pub(super) letters: DeadLetters,
    /// How many transactions all consumers of the service may have open.
    pub(super) transactions: std::sync::Arc<Semaphore>,
    /// Shared by messages that are handled beside others; exclusive for one that may end the process.
    pub(super) beside: RwLock<()>,
}

/// How a message is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// It took effect.
    Handled,
    /// It had taken effect, or had been given up, before.
    Duplicate,
    /// It failed and comes again after this pause.
    Again(Duration),
    /// It is a dead letter now.
    GivenUp,
}

/// One delivery of a message, tried until it is answered.
pub(super) struct Attempt<'a> {
    worker: &'a Worker,
    delivery: &'a Delivery,
    call: Option<Box<dyn Call>>,
    care: Option<Care>,
}

impl<'a> Attempt<'a> {
    pub(super) fn new(worker: &'a Worker, delivery: &'a Delivery) -> Self {
        Self { worker, delivery, call: None, care: None }
    }

    /// Tries once. An error means "not now": nothing was counted, and the same message is to be tried again.
    pub(super) async fn run(&mut self) -> Result<Answer, Error> {
        let mut call = match self.call.take() {
            Some(call) => call,
            None => match self.worker.handlers.read(&self.delivery.origin) {
                Ok(call) => call,
                Err(unreadable) => return self.give_up_unread(unreadable.into()).await,
            },
        };
        let answer = self.run_read(&mut *call).await;
        self.call = Some(call);
        answer
    }

    async fn run_read(&mut self, call: &mut dyn Call) -> Result<Answer, Error> {
        let care = match self.care {
            Some(care) => care,
            None => match self.history(call.event_id()).await? {
                Some(care) => care,
                None => return Ok(Answer::Duplicate),
            },
        };
        if care == Care::GiveUp {
            let cause =
                anyhow!("it was begun {} times and never ended: it may end its process", rules::MAX_STARTS);
            return self.failed(call.origin(), call.event_id(), Failure::Reject(cause)).await;
        }
        let (_together, _alone);
        match care {
            Care::Alone => _alone = self.worker.beside.write().await,
            Care::Together | Care::GiveUp => _together = self.worker.beside.read().await,
        }
        // Marked once for each delivery, and only from the second on: the first one costs nothing.
        if self.care.is_none() && self.delivery.delivered > 1 {
            store::start(&self.worker.database, self.consumer(), call.event_id()).await?;
        }
        self.care = Some(care);
        match self.take_effect(call).await {
            Ok(true) => Ok(Answer::Handled),
            Ok(false) => Ok(Answer::Duplicate),
            Err(failure) => self.failed(call.origin(), call.event_id(), failure).await,
        }
    }

    /// How to handle the message; `None` when it is done.
    async fn history(&self, event_id: Uuid) -> Result<Option<Care>, Error> {
        if self.delivery.delivered <= 1 {
            return Ok(Some(Care::Together));
        }
        let history = store::history(&self.worker.database, self.consumer(), event_id).await?;
        Ok((!history.done).then(|| rules::care(history.starts)))
    }

    async fn take_effect(&self, call: &mut dyn Call) -> Result<bool, Failure> {
        // Nearly always right; asking the inbox first would be an exchange of its own.
        let mut unseen = self.delivery.delivered <= 1;
        let mut tries = 1;
        loop {
            match self.take_effect_once(call, unseen).await {
                Err(failure) if unseen && failure.breaks(store::is_unique) => unseen = false,
                Err(failure) if failure.is_contended() && tries < CONTENDED_TRIES => tries += 1,
                result => return result,
            }
        }
    }

    /// Inbox row, effect and events in one transaction; false when the inbox has the event. With `unseen`, the inbox is
    /// not asked before: the commit breaks what [`store::is_unique`] when it has.
    async fn take_effect_once(&self, call: &mut dyn Call, unseen: bool) -> Result<bool, Failure> {
        guard::look_up(call).await?;
        let _open = self.worker.transactions.acquire().await.map_err(Failure::not_now)?;
        let mut transaction = self.worker.database.begin().await?;
        if unseen {
            store::complete_first(&mut transaction, self.consumer(), call.event_id());
        } else if !store::complete(&mut transaction, self.consumer(), call.event_id()).await? {
            return Ok(false);
        }
        guard::handle(call, &mut transaction).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Counts the failure and, after the last one, gives the message up in the same transaction.
    async fn failed(&self, origin: &Origin, event_id: Uuid, failure: Failure) -> Result<Answer, Error> {
        let (next, cause) = match failure {
            Failure::NotNow(cause) if !self.is_about_to_vanish() => return Err(cause),
            Failure::NotNow(cause) | Failure::Reject(cause) => (Some(Next::GiveUp), cause),
            Failure::Retry(cause) => (None, cause),
        };
        let _open = self.worker.transactions.acquire().await?;
        let mut transaction = self.worker.database.begin().await?;
        let consumer = self.consumer();
        let Some(failures) = store::fail(&mut transaction, consumer, event_id).await? else {
            return Ok(Answer::Duplicate);
        };
        if let Next::Again(pause) = next.unwrap_or_else(|| rules::after(failures)) {
            transaction.commit().await?;
            tracing::warn!(
                error = format!("{cause:#}"),
                failures,
                retry_in_s = pause.as_secs(),
                "event failed"
            );
            return Ok(Answer::Again(pause));
        }
        let letter = NewLetter { origin, cause: &format!("{cause:#}"), attempts: failures };
        self.worker.letters.record(&mut transaction, &letter, self.worker.clock.now()).await?;
        store::complete(&mut transaction, consumer, event_id).await?;
        transaction.commit().await?;
        self.worker.letters.changed();
        tracing::error!(error = format!("{cause:#}"), failures, "event becomes a dead letter");
        Ok(Answer::GivenUp)
    }

    /// Whether the stream drops the message soon: then a dead letter keeps what waiting would lose.
    fn is_about_to_vanish(&self) -> bool {
        let Origin { subject, stored_at, .. } = &self.delivery.origin;
        let age = self.worker.clock.now().signed_duration_since(stored_at);
        topology::stream_of(subject).is_some_and(|stream| rules::vanishes(age, stream.max_age))
    }

    /// Gives up a message that cannot be read. It has no place in the inbox: the id that it claims may be another's.
    async fn give_up_unread(&self, unreadable: Error) -> Result<Answer, Error> {
        let cause = format!("{unreadable:#}");
        let letter = NewLetter { origin: &self.delivery.origin, cause: &cause, attempts: 1 };
        let mut transaction = self.worker.database.begin().await?;
        self.worker.letters.record(&mut transaction, &letter, self.worker.clock.now()).await?;
        transaction.commit().await?;
        self.worker.letters.changed();
        // Without the source, which may quote what the message holds.
        tracing::error!(error = %unreadable, "message becomes a dead letter");
        Ok(Answer::GivenUp)
    }

    fn consumer(&self) -> &'static str {
        self.worker.consumer.durable
    }
}
