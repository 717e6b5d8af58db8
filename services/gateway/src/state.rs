//! What requests are answered with.

use std::sync::Arc;
use std::time::Duration;

use governor::clock::DefaultClock;
use ipnet::IpNet;
use kit::auth::Verifier;
use kit::service::Start;

use crate::config::Config;
use crate::dead_letters::{self, Part};
use crate::limits::Limiter;
use crate::routes;
use crate::upstream::Upstream;

/// How often callers that have recovered are forgotten.
const SWEEP: Duration = Duration::from_mins(1);

/// The gateway's connections and counters.
pub struct Gateway {
    pub(crate) upstream: Upstream,
    pub(crate) limiter: Limiter,
    pub(crate) verifier: Verifier,
    /// `None` while nobody said which proxies there are.
    pub(crate) trusted_proxies: Option<Vec<IpNet>>,
    pub(crate) max_body_bytes: usize,
    /// The services that keep dead letters.
    pub(crate) dead_letters: Vec<Part>,
}

impl Gateway {
    /// The gateway of that configuration, which forgets callers in the background.
    pub(crate) fn start(start: &mut Start, config: &Config) -> anyhow::Result<Arc<Self>> {
        let address_of =
            |service: &str| start.config.url_of(service).map(ToString::to_string).unwrap_or_default();
        let timeout = Duration::from_secs(config.upstream_timeout_seconds);
        let gateway = Arc::new(Self {
            upstream: Upstream::new(&routes::services(), address_of, timeout)?,
            limiter: Limiter::new(&config.rate_limits, DefaultClock::default()),
            verifier: start.verifier.clone(),
            trusted_proxies: config.trusted_proxies.clone(),
            max_body_bytes: start.config.max_body_bytes,
            dead_letters: dead_letters::parts(),
        });
        let swept = Arc::clone(&gateway);
        start.task("rate limits", move |shutdown| {
            let gateway = Arc::clone(&swept);
            async move {
                while shutdown.sleep(SWEEP).await {
                    gateway.limiter.sweep();
                }
                Ok(())
            }
        });
        Ok(gateway)
    }
}
