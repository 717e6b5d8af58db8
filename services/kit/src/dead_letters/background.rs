//! What is done about dead letters in the background: copies are published, redrives that were asked for are made.

use std::time::Duration;

use async_nats::jetstream;
use prometheus_client::metrics::gauge::Gauge;

use super::{DeadLetters, copies, store};
use crate::lifecycle::Shutdown;

/// How often it is looked for what another replica, or an outage, left to do.
const EVERY: Duration = Duration::from_secs(10);
/// Pause after a failure.
const RETRY: Duration = Duration::from_secs(3);

/// The background work of one service's dead letters.
#[derive(Clone)]
pub(crate) struct Background {
    pub(crate) letters: DeadLetters,
    pub(crate) jetstream: jetstream::Context,
    /// Dead letters that wait for an administrator.
    pub(crate) open: Gauge,
}

impl Background {
    /// Works until shutdown.
    pub(crate) async fn run(self, shutdown: Shutdown) -> anyhow::Result<()> {
        let mut changed = self.letters.0.changed.subscribe();
        loop {
            let pause = if self.once(&shutdown).await { EVERY } else { RETRY };
            tokio::select! {
                () = shutdown.requested() => return Ok(()),
                _ = changed.changed() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// False when something is left that could not be done now. Neither part waits for the other.
    async fn once(&self, shutdown: &Shutdown) -> bool {
        let copied = copies::publish(&self.letters, &self.jetstream).await;
        if let Err(error) = &copied {
            tracing::warn!(
                error = format!("{error:#}"),
                "dead letters could not be published, will be again"
            );
        }
        let redriven = self.letters.redrive_due(shutdown).await;
        if let Err(error) = &redriven {
            tracing::warn!(%error, "redrives could not be made, will be again");
        }
        if let Ok(open) = store::open(&self.letters.0.database).await {
            self.open.set(open);
        }
        copied.is_ok() && redriven.is_ok()
    }
}
