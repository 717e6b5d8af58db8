//! The section `gateway`.

use std::net::IpAddr;
use std::num::NonZeroU32;

use ipnet::IpNet;
use serde::{Deserialize, Deserializer, Serialize};

/// For how many clients a private address counts while nobody declared which proxies there are.
pub const CLIENTS_PER_UNDECLARED_ADDRESS: NonZeroU32 = NonZeroU32::new(100).expect("not zero");

/// Settings of the gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gateway {
    /// Requests per minute.
    pub rate_limits: RateLimits,
    /// Which web pages may call the API.
    pub cors: Cors,
    /// Networks (`10.0.0.0/8`) or addresses of proxies whose `X-Forwarded-*` headers are believed; empty when clients
    /// connect without one. When absent, nobody said which it is: nothing is believed, and a private address counts
    /// as [`CLIENTS_PER_UNDECLARED_ADDRESS`].
    #[serde(deserialize_with = "networks")]
    pub trusted_proxies: Option<Vec<IpNet>>,
    /// Seconds within which a service must begin to answer.
    pub upstream_timeout_seconds: u64,
}

impl Default for Gateway {
    fn default() -> Self {
        Self {
            rate_limits: RateLimits::default(),
            cors: Cors::default(),
            trusted_proxies: None,
            // Less than the 30 s after which the server itself gives up, so that the answer names the cause.
            upstream_timeout_seconds: 20,
        }
    }
}

/// Requests per minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RateLimits {
    /// On routes of the auth service, for each client address.
    pub auth_per_minute_per_ip: NonZeroU32,
    /// On routes of the order service, for each user; for each address where nobody is signed in.
    pub orders_per_minute_per_user: NonZeroU32,
    /// To paths that lead nowhere, for each client address.
    pub unknown_per_minute_per_ip: NonZeroU32,
}

impl Default for RateLimits {
    fn default() -> Self {
        const AUTH: NonZeroU32 = NonZeroU32::new(100).expect("not zero");
        const ORDERS: NonZeroU32 = NonZeroU32::new(1000).expect("not zero");
        Self {
            auth_per_minute_per_ip: AUTH,
            orders_per_minute_per_user: ORDERS,
            unknown_per_minute_per_ip: AUTH,
        }
    }
}

/// Cross-origin requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cors {
    /// Origins (`https://shop.example`) whose pages may call the API; `*` for all. None by default.
    pub allowed_origins: Vec<String>,
    /// Whether pages may send cookies and other credentials of the browser; not with `*`.
    pub allow_credentials: bool,
    /// Seconds for which a browser may remember the answer to a preflight.
    pub max_age_seconds: u64,
}

impl Default for Cors {
    fn default() -> Self {
        Self { allowed_origins: Vec::new(), allow_credentials: false, max_age_seconds: 600 }
    }
}

/// Accepts `10.1.2.3` for `10.1.2.3/32`.
fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<IpNet>>, D::Error> {
    let Some(texts) = Option::<Vec<String>>::deserialize(deserializer)? else {
        return Ok(None);
    };
    let one = |text: &String| {
        network(text).ok_or_else(|| {
            serde::de::Error::custom(format!(
                "`{text}` is neither an address nor a network such as 10.0.0.0/8"
            ))
        })
    };
    texts.iter().map(one).collect::<Result<_, _>>().map(Some)
}

/// Reads a network (`10.0.0.0/8`) or a single address.
pub fn network(text: &str) -> Option<IpNet> {
    text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)).ok()
}
