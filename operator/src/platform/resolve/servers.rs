//! PostgreSQL and NATS.

use super::{Invalid, ServicePlan};
use crate::api::{Amounts, Nats, Period, Postgres, Resources, Storage, TlsMode};

/// Where the databases live.
#[derive(Debug, Clone, PartialEq)]
pub enum PostgresServer {
    /// A StatefulSet of the operator.
    Managed {
        /// Image of the server.
        image: String,
        /// Volume of the data.
        volume: Volume,
        /// Compute resources.
        resources: Resources,
        /// Maximum number of connections, its `max_connections`.
        connections: u32,
    },
    /// Someone else's server.
    External {
        /// Host name.
        host: String,
        /// Port.
        port: u16,
        /// Protection of the connection.
        tls: TlsMode,
        /// Secret with `username` and `password`.
        admin_secret: String,
    },
}

/// Where the streams live.
#[derive(Debug, Clone, PartialEq)]
pub enum NatsServer {
    /// A StatefulSet of the operator.
    Managed {
        /// Image of the server.
        image: String,
        /// Volume of the streams.
        volume: Volume,
        /// Compute resources.
        resources: Resources,
    },
    /// Someone else's servers.
    External {
        /// URL of the servers.
        url: String,
        /// Secret with `account.seed`.
        account_secret: String,
    },
}

/// A persistent volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// Size, a quantity.
    pub size: String,
    /// Storage class; the cluster's default when absent.
    pub class: Option<String>,
}

/// Requests, and a limit of memory alone: a limit of processors only slows things down.
pub(super) fn amounts(cpu: &str, memory: &str, memory_limit: &str) -> Resources {
    Resources {
        requests: Some(Amounts { cpu: Some(cpu.to_owned()), memory: Some(memory.to_owned()) }),
        limits: Some(Amounts { cpu: None, memory: Some(memory_limit.to_owned()) }),
    }
}

/// Sizes of a managed server, in connections. Few, because a change of size restarts the server.
const SIZES: [u32; 3] = [200, 400, 800];
/// Connections for migrations, for the operator, and for a person who looks what is wrong.
const OTHERS: u32 = 20;

/// Connections of a managed server: what all services may open at their worst moment. A rollout adds one pod to
/// each, and a rotation of logins has every pod hold its connections twice.
fn connections(services: &[ServicePlan]) -> Result<u32, Invalid> {
    let of = |plan: &ServicePlan| {
        let pods = u32::try_from(plan.replicas).unwrap_or(0).saturating_add(1);
        pods.saturating_mul(plan.service.connections).saturating_mul(2)
    };
    let wanted = services.iter().map(of).fold(OTHERS, u32::saturating_add);
    let maximum = SIZES[SIZES.len() - 1];
    SIZES.into_iter().find(|size| wanted <= *size).ok_or(Invalid::TooManyConnections { wanted, maximum })
}

pub(super) fn postgres(
    spec: Option<&Postgres>,
    image: &str,
    services: &[ServicePlan],
) -> Result<PostgresServer, Invalid> {
    let spec = spec.cloned().unwrap_or_default();
    match (spec.managed, spec.external) {
        (Some(_), Some(_)) => Err(Invalid::Both("postgres")),
        (None, Some(external)) => Ok(PostgresServer::External {
            port: external.port(),
            tls: external.tls(),
            host: external.host,
            admin_secret: external.admin_secret.name,
        }),
        (managed, None) => {
            let managed = managed.unwrap_or_default();
            let connections = connections(services)?;
            // Each connection is a process of the server.
            let memory = format!("{}Gi", connections.div_ceil(200));
            Ok(PostgresServer::Managed {
                image: managed.image.unwrap_or_else(|| image.to_owned()),
                volume: volume(managed.storage, "10Gi"),
                resources: managed.resources.unwrap_or_else(|| amounts("50m", "128Mi", &memory)),
                connections,
            })
        }
    }
}

pub(super) fn login_rotation(spec: Option<&Postgres>) -> Period {
    let credentials = spec.and_then(|postgres| postgres.credentials.clone()).unwrap_or_default();
    credentials.rotate_every.unwrap_or(Period::hours(720))
}

pub(super) fn nats(spec: Option<&Nats>, image: &str) -> Result<NatsServer, Invalid> {
    let spec = spec.cloned().unwrap_or_default();
    match (spec.managed, spec.external) {
        (Some(_), Some(_)) => Err(Invalid::Both("nats")),
        (None, Some(external)) => {
            Ok(NatsServer::External { url: external.url, account_secret: external.account_secret.name })
        }
        (managed, None) => {
            let managed = managed.unwrap_or_default();
            Ok(NatsServer::Managed {
                image: managed.image.unwrap_or_else(|| image.to_owned()),
                volume: volume(managed.storage, "5Gi"),
                resources: managed.resources.unwrap_or_else(|| amounts("20m", "64Mi", "512Mi")),
            })
        }
    }
}

fn volume(storage: Option<Storage>, size: &str) -> Volume {
    let storage = storage.unwrap_or_default();
    Volume { size: storage.size.unwrap_or_else(|| size.to_owned()), class: storage.storage_class }
}
