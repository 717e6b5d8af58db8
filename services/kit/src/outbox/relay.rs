//! Publishes what is pending in the outbox.

mod metrics;
mod stream;

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream;
use deadpool_postgres::ClientWrapper;
use futures::future::try_join_all;
use tokio::sync::watch;
use topology::Stream;

use self::metrics::Metrics;
use self::stream::StreamRelay;
use crate::clock::SharedClock;
use crate::database::{Database, Error};
use crate::lifecycle::Shutdown;
use crate::metrics::Registry;
use crate::store::outbox as store;

/// Name of the session's advisory lock and of the channel on which others say that they committed events.
const NAME: &str = "shopflow_outbox";
/// The regular look, which finds the events of processes that are gone.
const LOOK: Duration = Duration::from_secs(1);
/// Pause before a lost database is tried again.
const RETRY: Duration = Duration::from_millis(250);
/// Events of other processes are announced to the active relay at most this often.
const ANNOUNCE: Duration = Duration::from_millis(2);
/// A statement of the relay that takes longer has failed.
const STATEMENT: Duration = Duration::from_secs(10);

/// Publishes a service's outbox. Any number may run; one at a time is active, and another takes over when its
/// connection ends.
#[derive(Clone)]
pub struct Relay {
    database: Database,
    jetstream: jetstream::Context,
    clock: SharedClock,
    metrics: Arc<Metrics>,
    streams: Vec<&'static Stream>,
}

impl Relay {
    /// A relay of `database`'s outbox. Registers its metrics, so make one a service.
    pub fn new(
        database: Database,
        jetstream: jetstream::Context,
        clock: SharedClock,
        registry: &Registry,
    ) -> Self {
        let streams = streams_of(registry.service());
        Self { database, jetstream, clock, metrics: Arc::new(Metrics::new(registry)), streams }
    }

    /// Publishes until shutdown; starts with what was left before. The windows in flight at shutdown are
    /// finished. An error is a defect: a database or broker that is unavailable is waited for.
    pub async fn run(self, shutdown: Shutdown) -> anyhow::Result<()> {
        while !shutdown.is_requested() {
            match self.session(&shutdown).await {
                Ok(()) => {}
                Err(error) if error.is_unavailable() => {
                    tracing::debug!(%error, "outbox waits for the database");
                    shutdown.sleep(RETRY).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// One connection's life: standby until the lock is free, then active.
    async fn session(&self, shutdown: &Shutdown) -> Result<(), Error> {
        let (woken, wake) = watch::channel(0_u64);
        let connection = self.database.connection(move || woken.send_modify(|count| *count += 1)).await?;
        let session = Statements { client: &connection, database: &self.database };
        session.batch(store::RELAY_SESSION).await?;
        if !self.stand_by(&session, shutdown).await? {
            return Ok(());
        }
        tracing::info!("this process publishes the outbox");
        session.batch(&format!("LISTEN {NAME}")).await?;
        let streams = self.streams.iter().map(|&stream| {
            let relay = StreamRelay {
                stream,
                session: &session,
                jetstream: &self.jetstream,
                clock: &self.clock,
                metrics: &self.metrics,
            };
            relay.run(Wake { appended: self.database.appended(), notified: wake.clone() }, shutdown)
        });
        let measure = self.metrics.follow(&session, &self.clock, shutdown);
        let result = tokio::try_join!(try_join_all(streams), measure).map(|_| ());
        self.metrics.reset();
        result
    }

    /// Waits for the lock; announces this process's events to the relay that has it. False at shutdown.
    async fn stand_by(&self, session: &Statements<'_>, shutdown: &Shutdown) -> Result<bool, Error> {
        let mut appended = self.database.appended();
        loop {
            let sql = "SELECT pg_try_advisory_lock(hashtext($1))";
            let rows = session.rows(sql, &[&NAME]).await?;
            if rows.first().is_some_and(|row| row.get(0)) {
                return Ok(true);
            }
            let look = tokio::time::sleep(LOOK);
            tokio::pin!(look);
            loop {
                tokio::select! {
                    () = shutdown.requested() => return Ok(false),
                    () = &mut look => break,
                    // The database outlives this future, so the sender is there.
                    _ = appended.changed() => {
                        tokio::time::sleep(ANNOUNCE).await;
                        appended.mark_unchanged();
                        session.rows("SELECT pg_notify($1, '')", &[&NAME]).await?;
                    }
                }
            }
        }
    }
}

/// Statements on the relay's own connection, each with a deadline: the connection may be silent, too.
struct Statements<'a> {
    client: &'a ClientWrapper,
    database: &'a Database,
}

impl Statements<'_> {
    async fn batch(&self, sql: &str) -> Result<(), Error> {
        self.answered(self.client.batch_execute(sql)).await
    }

    async fn rows(
        &self,
        sql: &str,
        parameters: crate::database::Parameters<'_>,
    ) -> Result<Vec<tokio_postgres::Row>, Error> {
        let rows = async {
            let statement = self.client.prepare_cached(sql).await?;
            self.client.query(&statement, parameters).await
        };
        self.answered(rows).await
    }

    async fn execute(&self, sql: &str, parameters: crate::database::Parameters<'_>) -> Result<u64, Error> {
        let changed = async {
            let statement = self.client.prepare_cached(sql).await?;
            self.client.execute(&statement, parameters).await
        };
        self.answered(changed).await
    }

    async fn answered<T>(
        &self,
        statement: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, Error> {
        let silent = || Error::Unavailable("the server does not answer the outbox relay".to_owned());
        tokio::select! {
            biased;
            result = statement => Ok(result?),
            () = self.database.lost() => Err(silent()),
            () = tokio::time::sleep(STATEMENT) => Err(silent()),
        }
    }
}

/// When a relay looks for events: when this process or another one committed some, and regularly.
struct Wake {
    appended: watch::Receiver<u64>,
    notified: watch::Receiver<u64>,
}

impl Wake {
    async fn next(&mut self) {
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            _ = self.appended.changed() => {}
            Ok(()) = self.notified.changed() => {}
        }
    }
}

/// Streams that store what `service` publishes.
fn streams_of(service: &str) -> Vec<&'static Stream> {
    let subjects = topology::service(service).map_or(&[][..], |service| service.publishes);
    let stores = |stream: &&Stream| {
        subjects
            .iter()
            .any(|subject| topology::stream_of(subject).is_some_and(|found| found.name == stream.name))
    };
    topology::STREAMS.iter().filter(stores).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_publishes_to_the_streams_that_store_its_events() {
        let names = |service| streams_of(service).iter().map(|stream| stream.name).collect::<Vec<_>>();
        assert_eq!(names("order"), ["ORDERS"]);
        assert_eq!(names("auth"), ["USERS"]);
        assert!(names("notification").is_empty());
    }
}
