//! Names become addresses that may be called, or nothing.

use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::rules::Rules;

/// Finds the addresses of a name.
#[async_trait]
pub trait Lookup: Send + Sync + 'static {
    /// All of them.
    async fn addresses(&self, name: &str) -> std::io::Result<Vec<IpAddr>>;
}

/// As the system does it.
#[derive(Debug, Clone, Copy)]
pub struct SystemLookup;

#[async_trait]
impl Lookup for SystemLookup {
    async fn addresses(&self, name: &str) -> std::io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect())
    }
}

/// The resolver of the client. It is asked once for each connection, which is then made to what it answered.
pub(super) struct Guard<L> {
    rules: Arc<Rules>,
    lookup: Arc<L>,
}

impl<L> Guard<L> {
    pub(super) fn new(rules: Arc<Rules>, lookup: L) -> Self {
        Self { rules, lookup: Arc::new(lookup) }
    }
}

impl<L: Lookup> Resolve for Guard<L> {
    fn resolve(&self, name: Name) -> Resolving {
        let (rules, lookup) = (Arc::clone(&self.rules), Arc::clone(&self.lookup));
        Box::pin(async move { checked(&rules, &*lookup, name.as_str()).await })
    }
}

/// One address that may not be called spoils the name: whoever gives it out means no good with the others.
async fn checked(
    rules: &Rules,
    lookup: &impl Lookup,
    name: &str,
) -> Result<Addrs, Box<dyn Error + Send + Sync>> {
    let addresses = lookup.addresses(name).await?;
    for address in &addresses {
        rules.check_address(*address)?;
    }
    // The client puts the URL's port in the place of 0.
    Ok(Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0))))
}
