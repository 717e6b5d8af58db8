//! A unit of work: one effect and the events that tell of it.

use chrono::{DateTime, Utc};
use deadpool_postgres::ClientWrapper;
use futures::future::join;
use uuid::Uuid;

use super::deferred::{Deferred, Returned};
use super::query::{Parameters, run};
use super::session::Session;
use super::{Database, Error, ToSql};
use crate::events::Event;
use crate::outbox::NewRow;

type PgError = tokio_postgres::Error;

/// What an event is about, and which version of it the event tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Aggregate {
    /// Its id, such as the order's.
    pub id: Uuid,
    /// Its row version, taken under its lock: consumers ignore what is older than what they have.
    pub sequence: i64,
}

/// A transaction. `BEGIN` travels with the first statement. Writes of [`Transaction::defer`] and the events of
/// [`Transaction::publish`] are one statement, which travels with `COMMIT`, or alone where nothing was to be asked
/// before. Dropped before [`Transaction::commit`], it is rolled back and its events are forgotten.
pub struct Transaction {
    session: Session,
    database: Database,
    begun: bool,
    /// A statement failed: PostgreSQL would answer a commit with a rollback, and call that a success.
    failed: bool,
    ended: bool,
    deferred: Deferred,
    events: Vec<NewRow>,
}

impl Transaction {
    pub(super) fn new(session: Session, database: Database) -> Self {
        let deferred = Deferred::default();
        Self { session, database, begun: false, failed: false, ended: false, deferred, events: Vec::new() }
    }

    /// Publishes an event once this transaction has committed. `at` is when it happened: the time that
    /// the effect itself is stored with. Returns the event's id.
    pub fn publish<E: Event>(
        &mut self,
        about: Aggregate,
        at: DateTime<Utc>,
        payload: &E,
    ) -> Result<Uuid, Error> {
        let row = NewRow::of(about, at, payload)?;
        let id = row.id;
        self.events.push(row);
        Ok(id)
    }

    /// Leaves an `INSERT`, `UPDATE` or `DELETE` to the commit, which fails if it does. Deferred writes see nothing of each
    /// other but what they return, and no two may change the same row; statements before the commit see nothing of them.
    pub fn defer(&mut self, write: &str, values: Vec<Box<dyn ToSql + Sync + Send>>) -> Returned {
        self.deferred.push(write, values)
    }

    /// Commits, then wakes the relay. After an [`Error::Unavailable`] it may have committed or not.
    pub async fn commit(mut self) -> Result<(), Error> {
        self.refuse_failed()?;
        let events = std::mem::take(&mut self.events);
        let announced = !events.is_empty();
        let last = std::mem::take(&mut self.deferred).with_events(events);
        match (last, self.begun) {
            (None, false) => return Ok(()),
            (None, true) => self.session.run(|client| client.batch_execute("COMMIT")).await?,
            // One statement is a transaction of its own.
            (Some(last), false) => {
                let parameters = last.parameters();
                self.session.run(|client| run::execute(client, last.sql(), &parameters)).await?;
            }
            (Some(last), true) => {
                let parameters = last.parameters();
                self.session.run(|client| commit_with(client, last.sql(), &parameters)).await?;
            }
        }
        self.ended = true;
        if announced {
            self.database.0.appended.send_modify(|count| *count = count.wrapping_add(1));
        }
        Ok(())
    }

    fn refuse_failed(&self) -> Result<(), Error> {
        if self.failed {
            Err(Error::Statement("a statement before the commit had failed".to_owned()))
        } else {
            Ok(())
        }
    }

    pub(super) async fn run<'a, T, F>(
        &'a mut self,
        statement: impl FnOnce(&'a ClientWrapper) -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, PgError>> + Send,
        T: Send,
    {
        let Self { session, begun, failed, .. } = self;
        let begun = std::mem::replace(begun, true);
        let result = session
            .run(|client| {
                let statement = statement(client);
                async move {
                    if begun {
                        return statement.await;
                    }
                    // Polled in this order, so sent in this order, and answered in one exchange.
                    let (begun, result) = join(client.batch_execute("BEGIN"), statement).await;
                    begun.and(result)
                }
            })
            .await;
        *failed |= result.is_err();
        result
    }
}

/// One statement and the commit, in one exchange. PostgreSQL rolls back by itself when the statement failed.
async fn commit_with(client: &ClientWrapper, sql: &str, parameters: Parameters<'_>) -> Result<(), PgError> {
    // Prepared before anything is sent: a commit must not overtake what it commits.
    let statement = client.prepare_cached(sql).await?;
    // Polled in this order, so sent in this order.
    let (written, committed) =
        join(client.execute(&statement, parameters), client.batch_execute("COMMIT")).await;
    written.and(committed)
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if self.ended || !self.begun || !self.session.is_usable() {
            return;
        }
        // The connection goes back to the pool once the server has answered.
        let mut session = self.session.take();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let _ = session.run(|client| client.batch_execute("ROLLBACK")).await;
            });
        }
    }
}

impl std::fmt::Debug for Transaction {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Transaction").field("events", &self.events.len()).finish_non_exhaustive()
    }
}
