//! How use cases ended.

use kit::metrics::Registry;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

use super::{Error, TokenPair};
use crate::passwords::PoolError;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

/// Counters of use cases. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    sign_ins: Family<Outcome, Counter>,
    refreshes: Family<Outcome, Counter>,
}

impl Metrics {
    pub(crate) fn new(registry: &Registry) -> Self {
        Self {
            sign_ins: registry.register("sign_ins", "Sign-ins, by how they ended", Family::default()),
            refreshes: registry.register(
                "refreshes",
                "Refresh tokens that were presented, by what they were worth",
                Family::default(),
            ),
        }
    }

    pub(super) fn signed_in(&self, result: &Result<TokenPair, Error>) {
        let outcome = match result {
            Ok(_) => "succeeded",
            Err(Error::InvalidCredentials) => "wrong_credentials",
            Err(Error::Deactivated) => "deactivated",
            Err(Error::TooManyAttempts { .. }) => "throttled",
            Err(Error::Password(PoolError::Full)) => "busy",
            Err(_) => "failed",
        };
        self.sign_ins.get_or_create(&Outcome { outcome }).inc();
    }

    /// `outcome` is `rotated`, `repeated` (the same successor again), `reused` (the session ended), `refused` or
    /// `failed`.
    pub(super) fn refreshed(&self, outcome: &'static str) {
        self.refreshes.get_or_create(&Outcome { outcome }).inc();
    }
}
