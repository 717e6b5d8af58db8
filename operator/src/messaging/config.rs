//! The text of a nats-server's configuration.

use std::fmt::Write as _;

use super::identity::{Identity, IdentityError};

/// What differs between servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerSettings {
    /// Port for clients.
    pub port: u16,
    /// Port for health checks and metrics; none when absent.
    pub monitor_port: Option<u16>,
    /// Folder of JetStream; `None` leaves it to the command line.
    pub store_dir: Option<String>,
    /// Other servers of the cluster; a single server when absent.
    pub cluster: Option<Cluster>,
}

/// A cluster of servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// Name of the cluster.
    pub name: String,
    /// Port for the other servers.
    pub port: u16,
    /// Addresses of all servers, host and port; a server recognises itself.
    pub routes: Vec<String>,
}

/// The configuration: everything in it is public, the seeds stay with the operator.
///
/// A single server writes every message to disk before it confirms it. In a cluster the other replicas are the guarantee.
/// With a cluster, the environment variable `POD_NAME` names the server.
pub fn server_config(identity: &Identity, settings: &ServerSettings) -> Result<String, IdentityError> {
    let mut text = String::new();
    let mut line = |arguments: std::fmt::Arguments<'_>| {
        // Writing to a String cannot fail.
        let _ = text.write_fmt(arguments);
        text.push('\n');
    };
    line(format_args!("port: {}", settings.port));
    if let Some(port) = settings.monitor_port {
        line(format_args!("http_port: {port}"));
    }
    line(format_args!("operator: {}", identity.operator_jwt()?));
    line(format_args!("resolver: MEMORY"));
    line(format_args!("resolver_preload {{"));
    for (account, jwt) in identity.accounts()? {
        line(format_args!("  {account}: {jwt}"));
    }
    line(format_args!("}}"));
    line(format_args!("jetstream {{"));
    if let Some(folder) = &settings.store_dir {
        line(format_args!("  store_dir: \"{folder}\""));
    }
    match &settings.cluster {
        None => {
            line(format_args!("  sync_interval: always"));
            line(format_args!("}}"));
        }
        Some(cluster) => {
            line(format_args!("}}"));
            line(format_args!("server_name: $POD_NAME"));
            line(format_args!("cluster {{"));
            line(format_args!("  name: {}", cluster.name));
            line(format_args!("  port: {}", cluster.port));
            line(format_args!("  routes: ["));
            for route in &cluster.routes {
                line(format_args!("    nats://{route}"));
            }
            line(format_args!("  ]"));
            line(format_args!("}}"));
        }
    }
    Ok(text)
}
