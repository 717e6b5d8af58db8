//! Requests by method, route and status class, and those being served.

use std::collections::HashSet;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

use super::Registry;

/// From 1 ms to 10 s, fine around the promises (2, 10, 20, 30, 100 ms).
const BUCKETS: [f64; 14] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 3.0, 10.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    method: &'static str,
    route: &'static str,
    status: &'static str,
}

/// The histogram `http_request_duration_seconds` and the gauge `http_requests_in_flight`.
#[derive(Clone)]
pub(crate) struct Requests {
    durations: Family<Labels, Histogram, fn() -> Histogram>,
    in_flight: Gauge,
}

/// A request that is being served, until it is dropped.
pub(crate) struct InFlight(Gauge);

impl Requests {
    pub(crate) fn new(registry: &Registry) -> Self {
        let durations = Family::new_with_constructor(histogram as fn() -> Histogram);
        let help = "Time from a request's head to its answer's head";
        let durations = registry.register("http_request_duration_seconds", help, durations);
        let help = "Requests whose answer's head was not sent yet";
        Self { durations, in_flight: registry.register("http_requests_in_flight", help, Gauge::default()) }
    }

    pub(crate) fn enter(&self) -> InFlight {
        self.in_flight.inc();
        InFlight(self.in_flight.clone())
    }

    /// `route` is the template, such as `/orders/{id}`; never the path, which has no end.
    pub(crate) fn observe(
        &self,
        method: &http::Method,
        route: &str,
        status: http::StatusCode,
        took: Duration,
    ) {
        let labels = Labels { method: known(method), route: interned(route), status: class(status) };
        self.durations.get_or_create(&labels).observe(took.as_secs_f64());
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// The template for as long as the process lives: there are as many as there are routes.
fn interned(route: &str) -> &'static str {
    static ROUTES: RwLock<Option<HashSet<&'static str>>> = RwLock::new(None);
    let known = ROUTES.read().unwrap_or_else(PoisonError::into_inner);
    if let Some(&known) = known.as_ref().and_then(|routes| routes.get(route)) {
        return known;
    }
    drop(known);
    let mut routes = ROUTES.write().unwrap_or_else(PoisonError::into_inner);
    let routes = routes.get_or_insert_default();
    if let Some(&known) = routes.get(route) {
        return known;
    }
    let route: &'static str = Box::leak(Box::from(route));
    routes.insert(route);
    route
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
