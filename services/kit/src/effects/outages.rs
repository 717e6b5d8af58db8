//! Tells the operator what waits because the other side of an effect is unavailable.

use std::collections::BTreeMap;
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream;
use protocol::buckets::{self, OutageReport};
use tokio::sync::watch;

use crate::lifecycle::Shutdown;

/// Entries of the bucket expire; a running process renews its own this often.
const RENEW: Duration = Duration::from_secs(30);

/// The outages that one process knows of, by the kind of effect. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Outages(watch::Sender<BTreeMap<&'static str, OutageReport>>);

impl Outages {
    /// From now on this is known of a kind; nothing when its other side is available.
    pub(super) fn set(&self, kind: &'static str, outage: Option<OutageReport>) {
        self.0.send_if_modified(|outages| match outage {
            Some(outage) => outages.insert(kind, outage.clone()) != Some(outage),
            None => outages.remove(kind).is_some(),
        });
    }
}

/// Writes `<service>.<kind>.<instance>` in the bucket `outages` while there is one.
#[derive(Clone)]
pub(crate) struct Reporter {
    pub(crate) jetstream: jetstream::Context,
    pub(crate) service: &'static str,
    pub(crate) instance: String,
    pub(crate) outages: Outages,
}

impl Reporter {
    /// Reports every change, and every 30 s what lasts, until shutdown.
    pub(crate) async fn run(self, shutdown: Shutdown) -> anyhow::Result<()> {
        let mut outages = self.outages.0.subscribe();
        let mut reported: BTreeMap<&'static str, OutageReport> = BTreeMap::new();
        loop {
            let current = outages.borrow_and_update().clone();
            for kind in reported.keys().filter(|kind| !current.contains_key(*kind)) {
                self.withdraw(kind).await?;
            }
            for (kind, outage) in &current {
                self.publish(kind, HeaderMap::new(), serde_json::to_vec(outage)?).await?;
            }
            reported = current;
            tokio::select! {
                () = shutdown.requested() => break,
                changed = outages.changed() => changed?,
                () = tokio::time::sleep(RENEW) => {}
            }
        }
        for kind in reported.keys() {
            self.withdraw(kind).await?;
        }
        Ok(())
    }

    async fn withdraw(&self, kind: &str) -> anyhow::Result<()> {
        let mut headers = HeaderMap::new();
        // How a client deletes a key (ADR-8 of NATS).
        headers.insert("KV-Operation", "DEL");
        self.publish(kind, headers, Vec::new()).await
    }

    /// Written directly: looking the bucket up first would need one more permission.
    async fn publish(&self, kind: &str, headers: HeaderMap, value: Vec<u8>) -> anyhow::Result<()> {
        let key = OutageReport::key(self.service, kind, &self.instance);
        let subject = buckets::subject(&topology::OUTAGES, &key);
        self.jetstream.publish_with_headers(subject, headers, value.into()).await?.await?;
        Ok(())
    }
}
