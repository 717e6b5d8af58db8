//! Carries recorded revocations to the key-value bucket that every service watches.

use std::time::Duration;

use async_nats::jetstream;
use futures::future::try_join_all;
use kit::lifecycle::Shutdown;
use protocol::buckets::{stream, subject};
use tokio::time::Instant;
use topology::REVOCATIONS;

use crate::app::Auth;
use crate::domain::revocation::Entry;

/// Revocations recorded by a replica that died are found by another within this time.
const PAUSE: Duration = Duration::from_secs(1);
/// How often to look whether the bucket is still the same one.
const INSPECTION: Duration = Duration::from_secs(15);

/// Publishes recorded revocations. Each replica runs one: publishing twice changes nothing.
#[derive(Clone)]
pub(crate) struct RevocationRelay {
    auth: Auth,
    jetstream: jetstream::Context,
}

impl RevocationRelay {
    pub(crate) fn new(auth: Auth, jetstream: jetstream::Context) -> Self {
        Self { auth, jetstream }
    }

    /// Publishes until shutdown. While NATS is unavailable, revocations wait in the database.
    pub(crate) async fn run(self, shutdown: Shutdown) -> anyhow::Result<()> {
        let mut bucket = None;
        let mut inspected: Option<Instant> = None;
        let mut unavailable = false;
        loop {
            let mut result = Ok(());
            if inspected.is_none_or(|at| at.elapsed() >= INSPECTION) {
                result = self.inspect(&mut bucket).await;
                inspected = result.is_ok().then(Instant::now);
            }
            if result.is_ok() {
                result = self.drain().await;
            }
            match result {
                Ok(()) => unavailable = false,
                Err(Failure::Store(error)) => return Err(error.into()),
                Err(Failure::Bucket(error)) if !unavailable => {
                    unavailable = true;
                    tracing::warn!(%error, "revocations cannot be published, they wait in the database");
                }
                Err(Failure::Bucket(_)) => {}
            }
            tokio::select! {
                () = shutdown.requested() => return Ok(()),
                () = self.auth.revoked.notified() => {}
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }

    /// A bucket made since the last look has lost what was in it.
    async fn inspect(&self, known: &mut Option<i128>) -> Result<(), Failure> {
        let stream = self.jetstream.get_stream(stream(&REVOCATIONS)).await.map_err(Failure::bucket)?;
        let created = Some(stream.cached_info().created.unix_timestamp_nanos());
        if *known != created {
            // Also at start: nobody knows what happened to the bucket while no relay was watching.
            self.auth.republish_revocations().await.map_err(Failure::Store)?;
            *known = created;
        }
        Ok(())
    }

    async fn drain(&self) -> Result<(), Failure> {
        loop {
            let pending = self.auth.pending_revocations().await.map_err(Failure::Store)?;
            if pending.is_empty() {
                return Ok(());
            }
            self.publish(&pending).await?;
            self.auth.revocations_published(&pending).await.map_err(Failure::Store)?;
        }
    }

    /// All at once: a broker that does not answer costs one time-out, not one for each.
    async fn publish(&self, pending: &[Entry]) -> Result<(), Failure> {
        let mut acknowledgements = Vec::with_capacity(pending.len());
        for entry in pending {
            let entry = self.auth.published(entry.clone());
            let subject = subject(&REVOCATIONS, &entry.key);
            let value = serde_json::to_vec(&entry.value).map_err(Failure::bucket)?;
            let sent = self.jetstream.publish(subject, value.into()).await.map_err(Failure::bucket)?;
            acknowledgements.push(sent.into_future());
        }
        try_join_all(acknowledgements).await.map_err(Failure::bucket)?;
        Ok(())
    }
}

enum Failure {
    Store(crate::app::Error),
    Bucket(Box<dyn std::error::Error + Send + Sync>),
}

impl Failure {
    fn bucket(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Bucket(Box::new(error))
    }
}
