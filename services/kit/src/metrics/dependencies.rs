//! What is known of NATS and of revocations, read when scraped.

use std::fmt::{self, Debug, Formatter};

use async_nats::connection::State;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::gauge::ConstGauge;

use crate::auth::Revocations;

pub(super) struct NatsCollector(pub(super) async_nats::Client);

pub(super) struct RevocationsCollector(pub(super) Revocations);

impl Collector for NatsCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let connected = ConstGauge::new(i64::from(self.0.connection_state() == State::Connected));
        let help = "1 while NATS is connected";
        connected.encode(encoder.encode_descriptor("nats_connected", help, None, connected.metric_type())?)
    }
}

impl Collector for RevocationsCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let age = ConstGauge::new(self.0.age().as_secs_f64());
        let help = "Time since every revocation was known for sure; since the start while it never was";
        age.encode(encoder.encode_descriptor("revocations_age_seconds", help, None, age.metric_type())?)?;
        let held = ConstGauge::new(i64::try_from(self.0.count()).unwrap_or(i64::MAX));
        let help = "Revocations whose tokens have not all expired";
        held.encode(encoder.encode_descriptor("revocations_held", help, None, held.metric_type())?)
    }
}

impl Debug for NatsCollector {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("NatsCollector")
    }
}

impl Debug for RevocationsCollector {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("RevocationsCollector")
    }
}
