//! Requests by method, route and status class.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;

use super::Registry;

/// From 1 ms to 10 s, fine around the promises (2, 10, 20, 30, 100 ms).
const BUCKETS: [f64; 14] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 3.0, 10.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    method: &'static str,
    route: String,
    status: &'static str,
}

/// The histogram `http_request_duration_seconds`.
#[derive(Clone)]
pub(crate) struct Requests(Family<Labels, Histogram, fn() -> Histogram>);

impl Requests {
    pub(crate) fn new(registry: &Registry) -> Self {
        let family = Family::new_with_constructor(histogram as fn() -> Histogram);
        let help = "Time from a request's head to its answer's head";
        Self(registry.register("http_request_duration_seconds", help, family))
    }

    /// `route` is the template, such as `/orders/{id}`; never the path, which has no end.
    pub(crate) fn observe(
        &self,
        method: &http::Method,
        route: &str,
        status: http::StatusCode,
        took: Duration,
    ) {
        let labels = Labels { method: known(method), route: route.to_owned(), status: class(status) };
        self.0.get_or_create(&labels).observe(took.as_secs_f64());
    }
}

fn histogram() -> Histogram {
    Histogram::new(BUCKETS)
}

/// Clients may invent methods, and each would be a new series.
fn known(method: &http::Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

fn class(status: http::StatusCode) -> &'static str {
    match status.as_u16() {
        100..200 => "1xx",
        200..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        _ => "5xx",
    }
}
