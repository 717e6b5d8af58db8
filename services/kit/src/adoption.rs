//! Reports to the operator which signing keys this process has loaded.

use std::time::Duration;

use async_nats::jetstream;
use protocol::buckets::{self, AdoptionReport};
use tokio::sync::watch;

use crate::lifecycle::Shutdown;

/// Entries of the bucket expire; a running process renews its own this often.
const RENEW: Duration = Duration::from_secs(30);

/// Writes `<service>.<instance>` in the bucket `adoption`.
#[derive(Clone)]
pub struct Reporter {
    jetstream: jetstream::Context,
    subject: String,
    kids: watch::Receiver<Vec<String>>,
}

impl Reporter {
    /// A reporter for this process; `kids` comes from `Verifier::kids`.
    pub fn new(
        jetstream: jetstream::Context,
        service: &str,
        instance: &str,
        kids: watch::Receiver<Vec<String>>,
    ) -> Self {
        let key = AdoptionReport::key(service, instance);
        // Written directly: looking the bucket up first would need one more permission.
        Self { jetstream, subject: buckets::subject(&topology::ADOPTION, &key), kids }
    }

    /// Reports now, on every change and every 30 s, until shutdown.
    pub async fn run(mut self, shutdown: Shutdown) -> anyhow::Result<()> {
        loop {
            let kids = self.kids.borrow_and_update().clone();
            self.report(kids).await?;
            tokio::select! {
                () = shutdown.requested() => return Ok(()),
                changed = self.kids.changed() => changed?,
                () = tokio::time::sleep(RENEW) => {}
            }
        }
    }

    async fn report(&self, kids: Vec<String>) -> anyhow::Result<()> {
        let value = serde_json::to_vec(&AdoptionReport { kids: kids.into_iter().collect() })?;
        self.jetstream.publish(self.subject.clone(), value.into()).await?.await?;
        Ok(())
    }
}
