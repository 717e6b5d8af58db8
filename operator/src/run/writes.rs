//! Counts every request that changes something in Kubernetes, where it leaves the process: nothing is
//! forgotten, whatever part of the code sends it.

use std::task::{Context, Poll};

use http::{Method, Request};
use tower::{Layer, Service};

use crate::metrics::Metrics;

/// A layer of the Kubernetes client.
#[derive(Debug, Clone)]
pub struct WriteCounter(Metrics);

impl WriteCounter {
    /// Counts into these metrics.
    pub fn new(metrics: Metrics) -> Self {
        Self(metrics)
    }
}

impl<S> Layer<S> for WriteCounter {
    type Service = Counted<S>;

    fn layer(&self, inner: S) -> Counted<S> {
        Counted { inner, metrics: self.0.clone() }
    }
}

/// A client that counts.
#[derive(Debug, Clone)]
pub struct Counted<S> {
    inner: S,
    metrics: Metrics,
}

impl<S: Service<Request<B>>, B> Service<Request<B>> for Counted<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> S::Future {
        if let Some(verb) = verb(request.method()) {
            self.metrics.kubernetes_write(&resource(request.uri().path()), verb);
        }
        self.inner.call(request)
    }
}

fn verb(method: &Method) -> Option<&'static str> {
    match *method {
        Method::POST => Some("create"),
        Method::PUT => Some("update"),
        Method::PATCH => Some("patch"),
        Method::DELETE => Some("delete"),
        _ => None,
    }
}

/// The kind of object in a path such as `/apis/apps/v1/namespaces/shop/deployments/shop-order/status`: a
/// small set, fit for a label.
fn resource(path: &str) -> String {
    let mut parts = path.split('/').filter(|part| !part.is_empty());
    let versioned = match parts.next() {
        Some("api") => parts.next(),
        _ => parts.nth(1),
    };
    let rest: Vec<&str> = parts.collect();
    match (versioned, rest.as_slice()) {
        (Some(_), ["namespaces", _, kind, _, subresource]) => format!("{kind}/{subresource}"),
        (Some(_), ["namespaces", _, kind, ..] | [kind, ..]) => (*kind).to_owned(),
        _ => "other".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_told_by_their_kind() {
        for (path, kind) in [
            ("/api/v1/namespaces/shop/secrets/shop-admin", "secrets"),
            ("/apis/apps/v1/namespaces/shop/deployments", "deployments"),
            (
                "/apis/shopflow.dev/v1alpha1/namespaces/shop/shopflowplatforms/shop/status",
                "shopflowplatforms/status",
            ),
            ("/version", "other"),
        ] {
            assert_eq!(resource(path), kind);
        }
    }
}
