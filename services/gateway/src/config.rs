//! The gateway's section of its configuration file.

use std::num::NonZeroU32;

use ipnet::IpNet;
use serde::Deserialize;

/// Section `gateway`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Requests a minute.
    pub rate_limits: RateLimits,
    /// Which web pages may call the API.
    pub cors: Cors,
    /// Networks (`10.0.0.0/8`) or addresses of proxies whose `X-Forwarded-*` headers are believed.
    #[serde(deserialize_with = "networks")]
    pub trusted_proxies: Vec<IpNet>,
    /// Seconds within which a service must begin to answer.
    pub upstream_timeout_seconds: u64,
    /// Largest request body, in bytes.
    pub max_body_bytes: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            rate_limits: RateLimits::default(),
            cors: Cors::default(),
            trusted_proxies: Vec::new(),
            // Less than the 30 s after which the server itself gives up, so that the answer names the cause.
            upstream_timeout_seconds: 20,
            max_body_bytes: 1024 * 1024,
        }
    }
}

/// Requests a minute.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RateLimits {
    /// On routes of the auth service, for each client address.
    pub auth_per_minute_per_ip: NonZeroU32,
    /// On routes of the order service, for each user; for each address where nobody is signed in.
    pub orders_per_minute_per_user: NonZeroU32,
}

impl Default for RateLimits {
    fn default() -> Self {
        Self {
            auth_per_minute_per_ip: const { NonZeroU32::new(100).expect("not zero") },
            orders_per_minute_per_user: const { NonZeroU32::new(1000).expect("not zero") },
        }
    }
}

/// Cross-origin requests.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cors {
    /// Origins (`https://shop.example`) whose pages may call the API; `*` for all. None by default.
    pub allowed_origins: Vec<String>,
}

/// Accepts `10.1.2.3` for `10.1.2.3/32`.
fn networks<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
    Vec::<String>::deserialize(deserializer)?
        .iter()
        .map(|text| {
            text.parse::<IpNet>().or_else(|_| text.parse::<std::net::IpAddr>().map(IpNet::from)).map_err(
                |_| {
                    serde::de::Error::custom(format!(
                        "`{text}` is neither an address nor a network such as 10.0.0.0/8"
                    ))
                },
            )
        })
        .collect()
}
