//! What the relay shows of itself.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use chrono::{DateTime, Utc};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;

use super::Statements;
use crate::clock::SharedClock;
use crate::database::Error;
use crate::lifecycle::Shutdown;
use crate::metrics::Registry;
use crate::store::outbox as store;

/// How often the gauges are refreshed.
const MEASURE: Duration = Duration::from_secs(5);

pub(super) struct Metrics {
    pending: Gauge,
    parked: Gauge,
    oldest: Gauge<f64, AtomicU64>,
    pub(super) published: Counter,
    pub(super) refused: Counter,
}

impl Metrics {
    pub(super) fn new(registry: &Registry) -> Self {
        Self {
            pending: registry.register(
                "outbox_pending",
                "Events that wait to be published",
                Gauge::default(),
            ),
            parked: registry.register(
                "outbox_parked",
                "Events that their stream refused too often, to be looked at",
                Gauge::default(),
            ),
            oldest: registry.register(
                "outbox_oldest_age_seconds",
                "Age of the oldest event that waits to be published and is not parked",
                Gauge::default(),
            ),
            published: registry.register("outbox_published", "Events published", Counter::default()),
            refused: registry.register(
                "outbox_publish_failures",
                "Publishes that were not acknowledged",
                Counter::default(),
            ),
        }
    }

    /// Refreshes the gauges until shutdown. Only the active relay does, so that replicas can be added up.
    pub(super) async fn follow(
        &self,
        session: &Statements<'_>,
        clock: &SharedClock,
        shutdown: &Shutdown,
    ) -> Result<(), Error> {
        loop {
            if let Some(row) = session.rows(store::BACKLOG, &[]).await?.first() {
                let (waiting, parked): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
                let oldest: Option<DateTime<Utc>> = row.try_get(2)?;
                let age = oldest.map_or(0, |oldest| (clock.now() - oldest).num_milliseconds().max(0));
                self.pending.set(waiting - parked);
                self.parked.set(parked);
                self.oldest.set(Duration::from_millis(age.unsigned_abs()).as_secs_f64());
            }
            if !shutdown.sleep(MEASURE).await {
                return Ok(());
            }
        }
    }

    /// This relay is no longer the active one.
    pub(super) fn reset(&self) {
        self.pending.set(0);
        self.parked.set(0);
        self.oldest.set(0.0);
    }
}
