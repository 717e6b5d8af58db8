//! A unit of work: one effect and the events that tell of it.

use chrono::{DateTime, Utc};
use deadpool_postgres::ClientWrapper;
use futures::future::join;
use uuid::Uuid;

use super::query::Parameters;
use super::session::Session;
use super::{Database, Error};
use crate::events::Event;
use crate::outbox::NewRow;
use crate::store::outbox;

type PgError = tokio_postgres::Error;

/// What an event is about, and which version of it the event tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Aggregate {
    /// Its id, such as the order's.
    pub id: Uuid,
    /// Its row version, taken under its lock: consumers ignore what is older than what they have.
    pub sequence: i64,
}

/// A transaction. `BEGIN` travels with the first statement, the events of [`Transaction::publish`] with
/// `COMMIT`. Dropped before [`Transaction::commit`], it is rolled back and its events are forgotten.
pub struct Transaction {
    session: Session,
    database: Database,
    begun: bool,
    /// A statement failed: PostgreSQL would answer a commit with a rollback, and call that a success.
    failed: bool,
    ended: bool,
    events: Vec<NewRow>,
}

impl Transaction {
    pub(super) fn new(session: Session, database: Database) -> Self {
        Self { session, database, begun: false, failed: false, ended: false, events: Vec::new() }
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

    /// Commits, then wakes the relay. After an [`Error::Unavailable`] it may have committed or not.
    pub async fn commit(mut self) -> Result<(), Error> {
        if !self.begun && self.events.is_empty() {
            return Ok(());
        }
        self.refuse_failed()?;
        let (begun, events) = (self.begun, std::mem::take(&mut self.events));
        self.begun = true;
        if events.is_empty() {
            self.session.run(|client| client.batch_execute("COMMIT")).await?;
        } else {
            let rows = outbox::Insert::of(&events);
            let parameters = rows.parameters();
            self.session.run(|client| commit_with(client, begun, outbox::Insert::SQL, &parameters)).await?;
        }
        self.ended = true;
        if !events.is_empty() {
            self.database.0.appended.send_modify(|count| *count = count.wrapping_add(1));
        }
        Ok(())
    }

    /// Runs a last statement and commits, all in one exchange with the server. An error of the statement
    /// rolls back.
    pub async fn commit_with(mut self, sql: &str, parameters: Parameters<'_>) -> Result<(), Error> {
        self.refuse_failed()?;
        let (begun, events) = (self.begun, std::mem::take(&mut self.events));
        self.begun = true;
        let rows = outbox::Insert::of(&events);
        let inserted = rows.parameters();
        let both = |client| async move {
            // Prepared before anything is sent: a commit must not overtake what it commits.
            let effect = ClientWrapper::prepare_cached(client, sql).await?;
            let outbox = ClientWrapper::prepare_cached(client, outbox::Insert::SQL).await?;
            let statements = async {
                let effect = client.execute(&effect, parameters);
                let outbox = client.execute(&outbox, &inserted);
                let (effect, outbox) = join(effect, outbox).await;
                effect.and(outbox)
            };
            end(client, begun, statements).await
        };
        self.session.run(both).await?;
        self.ended = true;
        if !events.is_empty() {
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

/// One statement and the commit, in one exchange.
async fn commit_with(
    client: &ClientWrapper,
    begun: bool,
    sql: &str,
    parameters: Parameters<'_>,
) -> Result<(), PgError> {
    let statement = client.prepare_cached(sql).await?;
    end(client, begun, client.execute(&statement, parameters)).await
}

/// `BEGIN` where that is still to do, the statements, `COMMIT`. PostgreSQL rolls back by itself when one of
/// them failed.
async fn end<T>(
    client: &ClientWrapper,
    begun: bool,
    statements: impl Future<Output = Result<T, PgError>>,
) -> Result<(), PgError> {
    let begin = async { if begun { Ok(()) } else { client.batch_execute("BEGIN").await } };
    let (begin, (statements, commit)) = join(begin, join(statements, client.batch_execute("COMMIT"))).await;
    begin?;
    statements?;
    commit
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
