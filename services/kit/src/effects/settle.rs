//! Recording what became of an effect.

use std::time::Duration;

use anyhow::anyhow;

use super::rules::{self, Next};
use super::runner::Runner;
use super::store::{self, Leased};
use super::{Effect, Outcome};
use crate::consumer::Failure;
use crate::database::{Error, Transaction};
use crate::dead_letters::NewLetter;

/// Pause between two tries to settle.
const SETTLE_AGAIN: Duration = Duration::from_millis(500);

/// What one attempt came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// It happened.
    Done,
    /// It failed, and is tried again.
    Failed,
    /// The other side is unavailable.
    Unavailable,
    /// It will not happen.
    GivenUp,
}

impl Ended {
    /// A word for logs and metrics.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Unavailable => "unavailable",
            Self::GivenUp => "given_up",
        }
    }
}

impl<E: Effect> Runner<E> {
    /// Records what became of it, however long the database is unavailable: what is not on record is done again.
    pub(super) async fn settle(&self, leased: &Leased, result: &Result<E::Receipt, Failure>) -> Ended {
        loop {
            match self.settle_once(leased, result).await {
                Ok(ended) => return ended,
                Err(error) if error.is_unavailable() || error.is_contended() => {
                    tracing::warn!(%error, "effect cannot be settled, will be again");
                    tokio::time::sleep(SETTLE_AGAIN).await;
                }
                Err(error) => {
                    let happened = if result.is_ok() { "it happened" } else { "it failed" };
                    let cause = anyhow!("{happened}, and this could not be recorded: {error}");
                    tracing::error!(error = %cause, "effect given up");
                    self.bury(leased, &cause).await;
                    return Ended::GivenUp;
                }
            }
        }
    }

    async fn settle_once(
        &self,
        leased: &Leased,
        result: &Result<E::Receipt, Failure>,
    ) -> Result<Ended, Error> {
        let now = self.clock.now();
        let mut transaction = self.database.begin().await?;
        let failure = match result {
            Ok(receipt) => {
                self.effect.settle(&mut transaction, leased.id, Outcome::Done(receipt)).await?;
                store::delete(&mut transaction, leased.id);
                transaction.commit().await?;
                return Ok(Ended::Done);
            }
            Err(failure) => failure,
        };
        let cause = failure.cause();
        match rules::next(failure, leased.failures, leased.planned_at, now) {
            Next::At(due) => {
                let unavailable = matches!(failure, Failure::NotNow(_));
                let failures = leased.failures + u32::from(!unavailable);
                self.effect.settle(&mut transaction, leased.id, Outcome::Delayed(cause)).await?;
                store::delay(&mut transaction, leased.id, due, failures);
                transaction.commit().await?;
                Ok(if unavailable { Ended::Unavailable } else { Ended::Failed })
            }
            Next::GiveUp => {
                self.effect.settle(&mut transaction, leased.id, Outcome::GivenUp(cause)).await?;
                store::delete(&mut transaction, leased.id);
                self.record(&mut transaction, leased, cause).await?;
                transaction.commit().await?;
                self.letters.changed();
                Ok(Ended::GivenUp)
            }
        }
    }

    async fn record(
        &self,
        transaction: &mut Transaction,
        leased: &Leased,
        cause: &anyhow::Error,
    ) -> Result<(), Error> {
        let Some(origin) = &leased.origin else { return Ok(()) };
        let cause = format!("{}: {cause}", self.effect.kind());
        let letter = NewLetter { origin, cause: &cause, attempts: leased.failures + 1 };
        self.letters.record(transaction, &letter, self.clock.now()).await
    }

    /// Ends an effect whose record cannot be written: acting again and again would be worse.
    async fn bury(&self, leased: &Leased, cause: &anyhow::Error) {
        self.end(leased, Some(cause)).await;
        self.letters.changed();
    }

    /// Ends an effect of which the service wants nothing any more.
    pub(super) async fn forget(&self, leased: &Leased) {
        self.end(leased, None).await;
    }

    async fn end(&self, leased: &Leased, cause: Option<&anyhow::Error>) {
        while let Err(error) = self.end_once(leased, cause).await {
            tracing::warn!(%error, "effect cannot be ended, will be again");
            tokio::time::sleep(SETTLE_AGAIN).await;
        }
    }

    async fn end_once(&self, leased: &Leased, cause: Option<&anyhow::Error>) -> Result<(), Error> {
        let mut transaction = self.database.begin().await?;
        store::delete(&mut transaction, leased.id);
        if let Some(cause) = cause {
            self.record(&mut transaction, leased, cause).await?;
        }
        transaction.commit().await
    }
}
