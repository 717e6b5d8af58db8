//! Cross-origin requests, from the configured origins only.

use std::time::Duration;

use http::header::{AUTHORIZATION, CONTENT_TYPE, ETAG, IF_MATCH, IF_NONE_MATCH, LOCATION, RETRY_AFTER};
use http::{HeaderName, HeaderValue, Method, Uri};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::config::Cors;
use crate::headers::REQUEST_ID;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

const EVERY_ORIGIN: &str = "*";

/// Why pages of other origins cannot be allowed in this way.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CorsError {
    /// An entry that no browser would ever send.
    #[error(
        "gateway.cors.allowed_origins: `{0}` is not an origin such as https://shop.example (scheme and host, no path)"
    )]
    Origin(String),
    /// Browsers refuse it, since every page could then act for whoever visits it (Fetch standard, 3.3.5).
    #[error(
        "gateway.cors.allow_credentials is true for every origin: name the origins instead of `*`, or leave it out"
    )]
    CredentialsForAll,
}

/// The layer, or none when no origin may call.
pub(crate) fn layer(config: &Cors) -> Result<Option<CorsLayer>, CorsError> {
    if config.allowed_origins.is_empty() {
        return Ok(None);
    }
    if config.allow_credentials && config.allowed_origins.iter().any(|origin| origin == EVERY_ORIGIN) {
        return Err(CorsError::CredentialsForAll);
    }
    let layer = CorsLayer::new()
        .allow_origin(origins(&config.allowed_origins)?)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([
            AUTHORIZATION,
            CONTENT_TYPE,
            IF_MATCH,
            IF_NONE_MATCH,
            IDEMPOTENCY_KEY,
            REQUEST_ID,
            TRACEPARENT,
        ])
        .expose_headers(
            [ETAG, LOCATION, RETRY_AFTER, REQUEST_ID]
                .into_iter()
                .chain(crate::forward::RATE_LIMIT_HEADERS)
                .collect::<Vec<_>>(),
        )
        .allow_credentials(config.allow_credentials)
        .max_age(Duration::from_secs(config.max_age_seconds));
    Ok(Some(layer))
}

fn origins(configured: &[String]) -> Result<AllowOrigin, CorsError> {
    if configured.iter().any(|origin| origin == EVERY_ORIGIN) {
        return Ok(AllowOrigin::any());
    }
    let origins = configured
        .iter()
        .map(|origin| parse_origin(origin).ok_or_else(|| CorsError::Origin(origin.clone())))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(AllowOrigin::list(origins))
}

fn parse_origin(origin: &str) -> Option<HeaderValue> {
    let uri: Uri = origin.parse().ok()?;
    let scheme = uri.scheme_str().filter(|scheme| matches!(*scheme, "http" | "https"))?;
    // Spelt as browsers send it, or it would never match.
    (format!("{scheme}://{}", uri.authority()?) == origin).then(|| origin.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configured(origins: &[&str]) -> Cors {
        Cors { allowed_origins: origins.iter().map(ToString::to_string).collect(), ..Cors::default() }
    }

    #[test]
    fn no_origin_means_no_layer() {
        assert!(layer(&configured(&[])).unwrap().is_none());
        assert!(layer(&configured(&["https://shop.example", "http://localhost:5173"])).unwrap().is_some());
        assert!(layer(&configured(&["*"])).unwrap().is_some());
    }

    #[test]
    fn credentials_are_for_named_origins_only() {
        let with = |origins: &[&str]| Cors { allow_credentials: true, ..configured(origins) };
        assert!(layer(&with(&["https://shop.example"])).unwrap().is_some());
        assert!(matches!(layer(&with(&["https://shop.example", "*"])), Err(CorsError::CredentialsForAll)));
    }

    #[test]
    fn an_entry_that_would_never_match_is_refused_by_name() {
        for origin in [
            "shop.example",
            "https://shop.example/",
            "https://shop.example/path",
            "ftp://shop.example",
            "null",
            "",
        ] {
            let error = layer(&configured(&[origin])).unwrap_err();
            assert!(error.to_string().contains(&format!("`{origin}`")), "{error}");
        }
    }
}
