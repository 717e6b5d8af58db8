//! Where the services listen.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Context as _;
use tokio::net::TcpListener;

/// Which ports the services get, on loopback.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Ports {
    /// The topology's, and those under which older clients know the services.
    #[default]
    Fixed,
    /// Any that are free: several platforms may run beside one another.
    Ephemeral,
}

/// Open listeners of every service; the first is its main one. Opened before anything knows the ports, so that
/// nobody else can take them in between.
#[derive(Debug)]
pub(crate) struct Listeners(BTreeMap<&'static str, Vec<TcpListener>>);

impl Listeners {
    pub(crate) async fn open(ports: Ports) -> anyhow::Result<Self> {
        let mut listeners = BTreeMap::new();
        for service in topology::SERVICES {
            let wanted = match ports {
                Ports::Fixed => [Some(service.port), service.alias_port],
                Ports::Ephemeral => [Some(0), None],
            };
            let mut opened = Vec::new();
            for port in wanted.into_iter().flatten() {
                opened.push(open(service.name, port).await?);
            }
            listeners.insert(service.name, opened);
        }
        Ok(Self(listeners))
    }

    /// Main port of every service.
    pub(crate) fn ports(&self) -> anyhow::Result<BTreeMap<String, u16>> {
        let main = |(name, listeners): (&&str, &Vec<TcpListener>)| {
            let listener = listeners.first().with_context(|| format!("`{name}` has no listener"))?;
            Ok(((*name).to_owned(), listener.local_addr()?.port()))
        };
        self.0.iter().map(main).collect()
    }

    /// Hands over the listeners of a service.
    pub(crate) fn take(&mut self, service: &str) -> Vec<TcpListener> {
        self.0.remove(service).unwrap_or_default()
    }
}

async fn open(service: &str, port: u16) -> anyhow::Result<TcpListener> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    TcpListener::bind(address).await.with_context(|| {
        format!("`{service}` cannot listen on {address}; is another platform running on this machine?")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_service_gets_a_port_of_its_own() {
        let listeners = Listeners::open(Ports::Ephemeral).await.unwrap();
        let ports = listeners.ports().unwrap();
        let mut distinct: Vec<u16> = ports.values().copied().collect();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), topology::SERVICES.len());
    }
}
