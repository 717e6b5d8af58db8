//! Network names.

use k8s_openapi::{
    api::core::v1::{Service, ServicePort, ServiceSpec},
    apimachinery::pkg::util::intstr::IntOrString,
};

use super::meta::{Fate, meta, selector};
use crate::platform::resolve::{NatsServer, Platform, PostgresServer};

/// Port of PostgreSQL.
pub(crate) const POSTGRES_PORT: u16 = 5432;
/// Port of NATS.
pub(crate) const NATS_PORT: u16 = 4222;

/// The two names under which older clients know a service.
pub(crate) fn names(service: &topology::Service) -> [String; 2] {
    [service.name.to_owned(), format!("{}-service", service.name)]
}

/// All Services of the platform.
pub(super) fn services(platform: &Platform) -> Vec<Service> {
    let mut all: Vec<Service> = platform
        .services
        .iter()
        .flat_map(|plan| names(plan.service).map(|name| http(platform, plan.service, name)))
        .collect();
    if matches!(platform.postgres, PostgresServer::Managed { .. }) {
        all.extend(server(platform, "postgres", POSTGRES_PORT));
    }
    if matches!(platform.nats, NatsServer::Managed { .. }) {
        all.extend(server(platform, "nats", NATS_PORT));
    }
    all
}

/// A service answers on its port, and on the one under which older clients know it.
fn http(platform: &Platform, service: &topology::Service, name: String) -> Service {
    let target = IntOrString::String("http".to_owned());
    let ports = [("http", Some(service.port)), ("alias", service.alias_port)];
    Service {
        metadata: meta(platform, name, service.name, Fate::Goes),
        spec: Some(ServiceSpec {
            selector: Some(selector(platform, service.name)),
            ports: Some(
                ports.into_iter().filter_map(|(name, port)| Some(tcp(name, port?, target.clone()))).collect(),
            ),
            type_: Some("ClusterIP".to_owned()),
            ..ServiceSpec::default()
        }),
        status: None,
    }
}

/// Name of the Service that gives each pod of a server a name of its own.
pub(super) fn headless(platform: &Platform, component: &str) -> String {
    platform.object_name(&format!("{component}-headless"))
}

/// The Service for clients, and the one for the pods' own names.
fn server(platform: &Platform, component: &str, port: u16) -> [Service; 2] {
    let service = |name: String| Service {
        metadata: meta(platform, name, component, Fate::Goes),
        spec: Some(ServiceSpec {
            selector: Some(selector(platform, component)),
            ports: Some(vec![tcp(component, port, IntOrString::String(component.to_owned()))]),
            type_: Some("ClusterIP".to_owned()),
            ..ServiceSpec::default()
        }),
        status: None,
    };
    let mut pods = service(headless(platform, component));
    if let Some(spec) = &mut pods.spec {
        spec.cluster_ip = Some("None".to_owned());
        // Servers of a cluster find one another before they are ready.
        spec.publish_not_ready_addresses = Some(true);
    }
    [service(platform.object_name(component)), pods]
}

fn tcp(name: &str, port: u16, target: IntOrString) -> ServicePort {
    ServicePort {
        name: Some(name.to_owned()),
        port: port.into(),
        target_port: Some(target),
        protocol: Some("TCP".to_owned()),
        ..ServicePort::default()
    }
}
