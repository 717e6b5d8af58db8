//! What is counted.

use kit::metrics::Registry;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

use crate::domain::{Channel, Outcome};

/// Attempts to send, by channel and outcome.
#[derive(Clone)]
pub(crate) struct Attempts(Family<Labels, Counter>);

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    channel: &'static str,
    outcome: &'static str,
}

impl Attempts {
    pub(crate) fn new(registry: &Registry) -> Self {
        let help = "Attempts to hand a notification to its provider";
        Self(registry.register("notification_attempts", help, Family::default()))
    }

    pub(crate) fn count(&self, channel: Channel, outcome: &Outcome) {
        let labels = Labels { channel: channel.as_str(), outcome: outcome.name() };
        self.0.get_or_create(&labels).inc();
    }
}
