//! Running a service in this process.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::Context as _;
use kit::lifecycle::{self, App, Shutdown};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::services::find;

/// A service that accepts requests.
#[derive(Debug)]
pub struct Running {
    name: &'static str,
    address: SocketAddr,
    servers: JoinSet<std::io::Result<()>>,
}

impl Running {
    /// Name of the service.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until it has stopped, which it does at shutdown only.
    pub async fn stopped(mut self) -> anyhow::Result<()> {
        while let Some(ended) = self.servers.join_next().await {
            ended?.with_context(|| format!("`{}` stopped serving", self.name))?;
        }
        Ok(())
    }
}

/// Starts `name` with the configuration in `file`. It listens on `listeners`, the same on all of them,
/// or on its configured address when there are none. Returns as soon as it accepts requests; databases
/// and brokers may still be away.
pub async fn start(
    name: &str,
    file: &Path,
    listeners: Vec<TcpListener>,
    shutdown: Shutdown,
) -> anyhow::Result<Running> {
    let service = find(name)?;
    let (settings, app) =
        (service.assemble)(file, shutdown.clone()).await.with_context(|| format!("cannot start `{name}`"))?;
    let mut listeners = listeners.into_iter();
    let main = match listeners.next() {
        Some(listener) => listener,
        None => lifecycle::bind(settings.listen)
            .await
            .with_context(|| format!("`{name}` cannot listen on {}", settings.listen))?,
    };
    let address = main.local_addr()?;
    let mut servers = JoinSet::new();
    // Tasks belong to the service, not to a port: only the main server runs them.
    for listener in listeners {
        let copy = App::new(app.name, app.router.clone());
        servers.spawn(lifecycle::serve(listener, copy, shutdown.clone(), settings.drain()));
    }
    servers.spawn(lifecycle::serve(main, app, shutdown, settings.drain()));
    Ok(Running { name: service.name, address, servers })
}
