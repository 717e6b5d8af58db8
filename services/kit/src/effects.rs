//! Effects outside the database, such as a mail, an SMS or a payment: done at least once, and recorded.
//!
//! They cannot be part of a transaction, so they happen between two:
//! 1. A transaction writes the service's own record of what is to be done and [`plan`]s an effect of the same
//!    id. A consumer's handler does no more than that, so whatever is unavailable outside holds up no event.
//! 2. The effect is leased, acted on with a deadline, and settled: the service's record and the end of the
//!    effect, or its next try, are one transaction.
//!
//! A crash between acting and settling repeats the act, with the same id, by which the other side can
//! recognise it. An effect that fails is tried again with growing pauses for a day, as mail servers do
//! (RFC 5321, 4.5.4.1); while the other side as a whole is unavailable, one effect at a time is tried. What
//! is given up becomes a dead letter of the event that asked for it.
//!
//! The table is kit's: leases and schedules are the part that is easy to get wrong, and alike for all. What an
//! effect is, and what became of it, is the service's own row, in its own table and with its own constraints.

mod metrics;
mod outages;
mod rules;
mod runner;
mod settle;
mod store;

use std::time::Duration;

use chrono::{DateTime, Utc};
use uuid::Uuid;

pub(crate) use metrics::Metrics;
pub(crate) use outages::{Outages, Reporter};
pub use rules::LIFE;
pub(crate) use runner::Runner;

use crate::consumer::{Failure, Origin};
use crate::database::{Database, Error, Returned, Transaction};
use crate::values;

/// One kind of effect.
pub trait Effect: Send + Sync + 'static {
    /// What acting needs, as the service's own record has it.
    type Task: Send + Sync;
    /// What the other side answered.
    type Receipt: Send + Sync;

    /// Name of the kind, in the table and in metrics, such as `email`. Kinds do not wait for each other.
    fn kind(&self) -> &'static str;

    /// How long [`Self::act`] may take.
    fn deadline(&self) -> Duration {
        Duration::from_secs(15)
    }

    /// Reads what is to be done; `None` when nothing is any more.
    fn load(
        &self,
        database: &Database,
        id: Uuid,
    ) -> impl Future<Output = Result<Option<Self::Task>, Failure>> + Send;

    /// Does it. Called again with the same id when the process ended, or the answer was lost, before it was
    /// settled. An error's own `Display` is shown in logs and dead letters, so it names nobody; its sources are
    /// only for [`Self::settle`].
    fn act(&self, id: Uuid, task: &Self::Task)
    -> impl Future<Output = Result<Self::Receipt, Failure>> + Send;

    /// Records what became of it, in the transaction that ends the effect or plans its next try.
    fn settle(
        &self,
        transaction: &mut Transaction,
        id: Uuid,
        outcome: Outcome<'_, Self::Receipt>,
    ) -> impl Future<Output = Result<(), Error>> + Send;
}

/// What became of an effect.
#[derive(Debug)]
pub enum Outcome<'a, R> {
    /// It happened.
    Done(&'a R),
    /// It did not happen now, and is tried again.
    Delayed(&'a anyhow::Error),
    /// It will not happen.
    GivenUp(&'a anyhow::Error),
}

/// Plans the effect `id` of `kind`, at the commit of the transaction that writes the service's record of it. `origin` is
/// the event that asks for it, if one does. An effect that is planned already starts from the beginning.
pub fn plan(
    transaction: &mut Transaction,
    kind: &'static str,
    id: Uuid,
    origin: Option<&Origin>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    store::insert(transaction, kind, ("(SELECT $4::uuid AS id) planned", values![id]), origin, now)
}

/// [`plan`] for each `id` of the records that a deferred write returns.
pub fn plan_returned(
    transaction: &mut Transaction,
    kind: &'static str,
    records: Returned,
    origin: Option<&Origin>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    store::insert(transaction, kind, (&records.to_string(), Vec::new()), origin, now)
}
