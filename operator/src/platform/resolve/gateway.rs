//! The public edge.

use std::num::NonZeroU32;

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use protocol::settings::{Cors, Gateway, RateLimits, network};

use super::Invalid;
use crate::api;

/// Bounds of a request body, in bytes; the schema has the same.
const BODY: std::ops::RangeInclusive<usize> = 1024..=16 * 1024 * 1024;

/// The public edge as it shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewaySettings {
    /// Its own section of the configuration.
    pub section: Gateway,
    /// Maximum number of open connections of clients; the service's default when absent.
    pub connections: Option<usize>,
    /// Of them, those of one client.
    pub connections_per_client: Option<usize>,
    /// Maximum size of a request body, in bytes: here and at the services behind, or it would have no effect.
    pub max_body_bytes: usize,
}

pub(super) fn resolve(spec: Option<&api::Gateway>) -> Result<GatewaySettings, Invalid> {
    let connections = spec.and_then(|spec| spec.connections.clone()).unwrap_or_default();
    let count = |declared: Option<u32>| declared.and_then(|count| usize::try_from(count).ok());
    Ok(GatewaySettings {
        section: spec.map_or(Ok(Gateway::default()), section)?,
        connections: count(connections.total),
        connections_per_client: count(connections.per_client),
        max_body_bytes: spec
            .and_then(|spec| spec.body_limit.as_ref())
            .map_or(Ok(topology::MAX_BODY), body_limit)?,
    })
}

fn section(spec: &api::Gateway) -> Result<Gateway, Invalid> {
    let default = Gateway::default();
    Ok(Gateway {
        rate_limits: spec.rate_limits.as_ref().map_or(Ok(default.rate_limits), rate_limits)?,
        cors: spec.cors.as_ref().map_or(Ok(default.cors.clone()), cors)?,
        trusted_proxies: match &spec.trusted_proxies {
            None => None,
            Some(proxies) => {
                let one = |text: &String| network(text).ok_or_else(|| Invalid::TrustedProxy(text.clone()));
                Some(proxies.iter().map(one).collect::<Result<_, _>>()?)
            }
        },
        ..default
    })
}

fn rate_limits(spec: &api::RateLimits) -> Result<RateLimits, Invalid> {
    let default = RateLimits::default();
    let limit = |declared: Option<u32>, default| match declared {
        None => Ok(default),
        Some(limit) => NonZeroU32::new(limit).ok_or(Invalid::NoRequests),
    };
    Ok(RateLimits {
        auth_per_minute_per_ip: limit(spec.auth_per_minute, default.auth_per_minute_per_ip)?,
        orders_per_minute_per_user: limit(spec.orders_per_minute, default.orders_per_minute_per_user)?,
        unknown_per_minute_per_ip: limit(spec.unknown_per_minute, default.unknown_per_minute_per_ip)?,
    })
}

fn cors(spec: &api::Cors) -> Result<Cors, Invalid> {
    let allow_credentials = spec.allow_credentials.unwrap_or(false);
    if allow_credentials && spec.allowed_origins.iter().any(|origin| origin == "*") {
        return Err(Invalid::CredentialsForAll);
    }
    Ok(Cors {
        allowed_origins: spec.allowed_origins.clone(),
        allow_credentials,
        max_age_seconds: spec.max_age.map_or(Cors::default().max_age_seconds, api::Period::as_secs),
    })
}

fn body_limit(declared: &IntOrString) -> Result<usize, Invalid> {
    let bytes = match declared {
        IntOrString::Int(bytes) => u64::try_from(*bytes).ok(),
        IntOrString::String(text) => bytes(text),
    };
    bytes.and_then(|bytes| usize::try_from(bytes).ok()).filter(|bytes| BODY.contains(bytes)).ok_or_else(
        || {
            Invalid::BodyLimit(match declared {
                IntOrString::Int(bytes) => bytes.to_string(),
                IntOrString::String(text) => text.clone(),
            })
        },
    )
}

/// Reads a quantity of whole bytes: `1048576`, `512Ki`, `1M`.
fn bytes(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let factor: u64 = match unit {
        "" => 1,
        "k" => 1_000,
        "M" => 1_000_000,
        "Ki" => 1024,
        "Mi" => 1024 * 1024,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_of_bytes_are_read_as_kubernetes_reads_them() {
        for (text, expected) in [
            ("1048576", Some(1_048_576)),
            ("512Ki", Some(524_288)),
            ("2Mi", Some(2_097_152)),
            ("64k", Some(64_000)),
            ("1M", Some(1_000_000)),
            ("", None),
            ("Mi", None),
            ("1.5Mi", None),
            ("1Gi", None),
            ("-1", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(bytes(text), expected, "{text}");
        }
    }

    #[test]
    fn a_body_limit_outside_its_bounds_is_refused() {
        for declared in [IntOrString::Int(1), IntOrString::Int(-1), IntOrString::String("17Mi".to_owned())] {
            assert!(matches!(body_limit(&declared), Err(Invalid::BodyLimit(_))), "{declared:?}");
        }
        assert_eq!(body_limit(&IntOrString::Int(2048)), Ok(2048));
    }
}
