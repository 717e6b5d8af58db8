//! Messages that the broker gives up by itself. kit's consumers never cause that: what is counted here is a
//! consumer that was changed by hand, or another program's.

use async_nats::Client;
use futures::StreamExt;
use futures::stream::select_all;

use super::metrics::Metrics;
use crate::lifecycle::Shutdown;

/// The broker's advisories, and what they are called in metrics.
const KINDS: [(&str, &str); 2] = [("MAX_DELIVERIES", "max_deliveries"), ("MSG_TERMINATED", "terminated")];

/// Counts advisories about these consumers until shutdown. Of several replicas one hears each.
pub(super) async fn run(
    client: Client,
    consumers: &'static [topology::Consumer],
    metrics: Metrics,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    let mut heard = Vec::new();
    for consumer in consumers {
        let topology::Consumer { durable, stream, .. } = *consumer;
        for (advisory, kind) in KINDS {
            let subject = format!("$JS.EVENT.ADVISORY.CONSUMER.{advisory}.{stream}.{durable}");
            let advisories = client.queue_subscribe(subject, durable.to_owned()).await?;
            heard.push(advisories.map(move |_| (durable, kind)));
        }
    }
    let mut heard = select_all(heard);
    loop {
        tokio::select! {
            () = shutdown.requested() => return Ok(()),
            advisory = heard.next() => match advisory {
                Some((durable, kind)) => {
                    tracing::error!(consumer = durable, kind, "the broker gave up an event");
                    metrics.advised(durable, kind);
                }
                None => return Ok(()),
            }
        }
    }
}
