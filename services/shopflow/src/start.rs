//! Running a service in this process.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::Context as _;
use kit::config;
use kit::lifecycle::{self, Listeners, Shutdown};
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

use crate::services::{behind, find};

/// A service that accepts requests. Dropping it ends it at once.
#[derive(Debug)]
pub struct Running {
    name: &'static str,
    address: SocketAddr,
    internal_address: Option<SocketAddr>,
    server: AbortOnDropHandle<std::io::Result<()>>,
}

impl Running {
    /// Name of the service.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Where its API is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it answers probes and shows its metrics, if it does.
    pub fn internal_address(&self) -> Option<SocketAddr> {
        self.internal_address
    }

    /// Waits until it has stopped, which it does at shutdown only.
    pub async fn stopped(self) -> anyhow::Result<()> {
        self.server.await?.with_context(|| format!("`{}` stopped serving", self.name))
    }
}

/// Starts `name` with the configuration in `file`. Its API is served on `listeners`, the same on all of them, or on
/// its configured address when there are none. Returns as soon as it accepts requests; databases and brokers
/// may still be unavailable.
pub async fn start(
    name: &str,
    file: &Path,
    listeners: Vec<TcpListener>,
    shutdown: Shutdown,
) -> anyhow::Result<Running> {
    let service = find(name)?;
    let (settings, app) = (service.assemble)(file, shutdown.clone(), behind)
        .await
        .with_context(|| format!("cannot start `{name}`"))?;
    let listeners = listen(name, &settings, listeners).await?;
    let address = listeners.public.first().context("there is no listener")?.local_addr()?;
    let internal_address = listeners.internal.as_ref().map(TcpListener::local_addr).transpose()?;
    let server = tokio::spawn(lifecycle::serve(listeners, app, shutdown, lifecycle::Serving::of(&settings)));
    Ok(Running { name: service.name, address, internal_address, server: AbortOnDropHandle::new(server) })
}

async fn listen(
    name: &str,
    settings: &config::Service,
    mut public: Vec<TcpListener>,
) -> anyhow::Result<Listeners> {
    if public.is_empty() {
        let address = settings.listen;
        let listener = lifecycle::bind(address).await;
        public.push(listener.with_context(|| format!("`{name}` cannot listen on {address}"))?);
    }
    let internal = match settings.internal_listen {
        None => None,
        Some(address) => Some(lifecycle::bind(address).await.with_context(|| {
            format!(
                "`{name}` cannot listen on {address} for probes and metrics; services on one machine need a \
                 service.internal_listen each, or null for none"
            )
        })?),
    };
    Ok(Listeners { public, internal })
}
