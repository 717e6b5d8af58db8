//! Serving until shutdown, and stopping without a failed request.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::accept::{Server, Shared};
use super::admission::Admission;
use super::{App, Limits, Shutdown};
use crate::config;

/// How long the internal listener waits for a scrape when everything else has ended.
const LAST_SCRAPE: Duration = Duration::from_millis(500);

/// Where a service listens. The API is the same on all of `public`.
#[derive(Debug)]
pub struct Listeners {
    /// For the API.
    pub public: Vec<TcpListener>,
    /// For probes and metrics; without one they are out of reach.
    pub internal: Option<TcpListener>,
}

impl From<TcpListener> for Listeners {
    fn from(public: TcpListener) -> Self {
        Self { public: vec![public], internal: None }
    }
}

/// How a service serves and stops.
#[derive(Debug, Clone, Copy)]
pub struct Serving {
    /// What each client is granted.
    pub limits: Limits,
    /// How long `/ready` fails before connections are refused.
    pub drain: Duration,
    /// How long requests in flight may take then.
    pub requests_end: Duration,
    /// How long background tasks may take after that.
    pub tasks_end: Duration,
}

impl Default for Serving {
    /// In the times that Kubernetes grants a pod ([`topology::GRACE_PERIOD`]).
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            drain: topology::DRAIN,
            requests_end: topology::REQUESTS_END,
            tasks_end: topology::TASKS_END,
        }
    }
}

impl Serving {
    /// As the settings of a service say.
    pub fn of(settings: &config::Service) -> Self {
        let limits = Limits {
            connections: settings.max_client_connections,
            connections_per_client: settings.max_connections_per_client,
            ..Limits::default()
        };
        Self { limits, drain: Duration::from_secs(settings.drain_seconds), ..Self::default() }
    }
}

/// Listens on `address`, both IPv6 and IPv4 when it is `[::]`.
pub async fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    match TcpListener::bind(address).await {
        // A machine without IPv6 still serves IPv4. Any other failure would only come again.
        Err(error)
            if address == SocketAddr::from((std::net::Ipv6Addr::UNSPECIFIED, address.port()))
                && error.kind() != std::io::ErrorKind::AddrInUse =>
        {
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, address.port())).await
        }
        result => result,
    }
}

/// Serves `app` until `shutdown`, then stops it in three steps:
///
/// 1. For `drain`, `/ready` fails while requests are still accepted, so that load balancers turn away first. Each
///    connection ends with its next answer, so that clients who keep theirs open move elsewhere.
/// 2. Connections are refused, those that rest end, and requests in flight have `requests_end`.
/// 3. Background tasks end, in `tasks_end`: what requests have left to them, they finish.
///
/// The internal listener serves to the end. Dropping the future ends everything at once.
pub async fn serve(
    listeners: impl Into<Listeners>,
    app: App,
    shutdown: Shutdown,
    serving: Serving,
) -> std::io::Result<()> {
    let Listeners { public, internal } = listeners.into();
    let App { name, router, internal: internal_router, metrics, trusted, background } = app;
    // Not children of `shutdown`: tasks outlive the requests that feed them.
    let tasks_end = Shutdown::new();
    let mut tasks = JoinSet::new();
    for task in background {
        tasks.spawn(task.supervise(tasks_end.clone()));
    }
    announce(name, &public, internal.as_ref())?;
    let connections = metrics.connections();
    let start = |listeners, router, limits, trusted, metrics| {
        let admission = Admission::new(&limits, trusted);
        Server::start(listeners, Shared::new(router, limits, admission, metrics, shutdown.clone()))
    };
    let internal: Vec<TcpListener> = internal.into_iter().collect();
    let mut public = start(public, router, serving.limits, trusted, connections.of("public"));
    let mut internal =
        start(internal, internal_router, Limits::internal(), Vec::new(), connections.of("internal"));
    tokio::select! {
        () = shutdown.requested() => {}
        error = public.failed() => return Err(error),
        error = internal.failed() => return Err(error),
    }
    tokio::time::sleep(serving.drain).await;
    if !public.stop(serving.requests_end).await {
        tracing::warn!(service = name, "requests did not end in time");
    }
    tasks_end.trigger();
    let ended = async { while tasks.join_next().await.is_some() {} };
    if tokio::time::timeout(serving.tasks_end, ended).await.is_err() {
        tracing::warn!(service = name, "background tasks did not end in time");
    }
    internal.stop(LAST_SCRAPE).await;
    tracing::info!(service = name, "stopped");
    Ok(())
}

fn announce(name: &str, public: &[TcpListener], internal: Option<&TcpListener>) -> std::io::Result<()> {
    for listener in public {
        tracing::info!(service = name, address = %listener.local_addr()?, "serving");
    }
    if let Some(listener) = internal {
        tracing::info!(service = name, address = %listener.local_addr()?, "serving probes and metrics");
    }
    Ok(())
}
