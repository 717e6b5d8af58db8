//! Handling a dead letter again.

use anyhow::anyhow;
use chrono::TimeDelta;
use tracing::Instrument;
use uuid::Uuid;

use super::{DeadLetters, Letter, shown, store};
use crate::consumer::{Failure, guard};
use crate::database::Error;
use crate::lifecycle::Shutdown;

/// A redrive that was asked for, and whose process ended, is made again after this. Longer than one may take.
const LEASE: TimeDelta = TimeDelta::minutes(2);
/// Pause before a redrive that met something unavailable is made again.
const LATER: TimeDelta = TimeDelta::seconds(10);

/// Why a dead letter was not redriven.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RedriveError {
    #[error("no such dead letter")]
    NotFound,
    #[error("it is not dead any more")]
    NotDead,
    #[error("the stored message cannot be read")]
    Unreadable,
    #[error("something that the redrive needs is unavailable")]
    NotNow(#[source] anyhow::Error),
    #[error("the event failed again")]
    Failed(#[source] anyhow::Error),
    #[error("the database cannot be used")]
    Store(#[from] Error),
}

impl From<Failure> for RedriveError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::NotNow(cause) => Self::NotNow(cause),
            Failure::Reject(cause) | Failure::Retry(cause) => Self::Failed(cause),
        }
    }
}

impl DeadLetters {
    /// Hands the dead letter to its handler again, and answers how it stands then.
    pub(super) async fn redrive(&self, id: Uuid) -> Result<Letter, RedriveError> {
        let database = &self.0.database;
        let letter = store::find(database, id).await?.ok_or(RedriveError::NotFound)?;
        self.handle_again(&letter).await?;
        store::find(database, id).await?.ok_or(RedriveError::NotFound)
    }

    /// Handles every dead letter whose redrive is due; ends early when something is unavailable, or at shutdown.
    pub(super) async fn redrive_due(&self, shutdown: &Shutdown) -> Result<(), Error> {
        while !shutdown.is_requested() {
            let now = self.now();
            let Some(letter) = store::take_due(&self.0.database, now, now + LEASE).await? else { break };
            let result = tokio::select! {
                () = shutdown.requested() => Err(RedriveError::NotNow(anyhow!("the process stops"))),
                result = self.handle_again(&letter) => result,
            };
            match result {
                Err(RedriveError::Store(error)) => return Err(error),
                Err(RedriveError::NotNow(_)) => {
                    return store::delay_redrive(&self.0.database, letter.id, self.now() + LATER).await;
                }
                Err(RedriveError::Unreadable) => {
                    let cause = shown(&format!("{}; no redrive can handle it", letter.cause));
                    store::redrive_failed(&self.0.database, letter.id, Uuid::now_v7(), &cause).await?;
                }
                Ok(()) | Err(RedriveError::NotFound | RedriveError::NotDead | RedriveError::Failed(_)) => {}
            }
        }
        Ok(())
    }

    async fn handle_again(&self, letter: &Letter) -> Result<(), RedriveError> {
        let redrive_id = Uuid::now_v7();
        let span = tracing::info_span!(
            "redrive",
            dead_letter.id = %letter.id,
            dead_letter.redrive_id = %redrive_id,
            messaging.destination.name = letter.origin.subject,
            event.id = letter.origin.event_id.map(tracing::field::display),
        );
        async {
            let result = self.take_effect(letter, redrive_id).await;
            match &result {
                Ok(()) => tracing::info!("dead letter redriven"),
                Err(RedriveError::Failed(cause)) => {
                    tracing::warn!(error = format!("{cause:#}"), "redrive failed");
                    let cause = shown(&format!("{cause:#}"));
                    store::redrive_failed(&self.0.database, letter.id, redrive_id, &cause).await?;
                }
                // Not made, so not counted.
                Err(error) => tracing::warn!(%error, "redrive was not made"),
            }
            result
        }
        .instrument(span)
        .await
    }

    /// The effect, in the transaction that also marks the letter.
    async fn take_effect(&self, letter: &Letter, redrive_id: Uuid) -> Result<(), RedriveError> {
        let Letter { id, origin, .. } = letter;
        let handlers = self.0.handlers.get(origin.consumer.as_str()).ok_or_else(|| {
            RedriveError::Failed(anyhow!("the service has no consumer {} any more", origin.consumer))
        })?;
        let mut call = handlers.read(origin).map_err(|_| RedriveError::Unreadable)?;
        guard::look_up(&mut *call).await?;
        let mut transaction = self.0.database.begin().await.map_err(Failure::from)?;
        if !store::hold(&mut transaction, *id).await.map_err(Failure::from)? {
            return Err(RedriveError::NotDead);
        }
        guard::handle(&mut *call, &mut transaction).await?;
        store::redriven(&mut transaction, *id, redrive_id, self.now()).await.map_err(Failure::from)?;
        Ok(transaction.commit().await.map_err(Failure::from)?)
    }
}
