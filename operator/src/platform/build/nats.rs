//! The managed NATS server.

use std::collections::BTreeMap;

use k8s_openapi::api::{
    apps::v1::StatefulSet,
    core::v1::{ConfigMap, Container, ContainerPort, PersistentVolumeClaim, PodSpec, PodTemplateSpec},
};

use super::{
    meta::{Retention, hash, meta},
    pod,
    service::NATS_PORT,
    stateful_set, storage,
};
use crate::{
    api::Resources,
    platform::{
        gather::Live,
        resolve::{NatsServer, Platform},
    },
};

const PART: &str = "nats";
const USER: i64 = 1000;
const CONFIG: &str = "/etc/nats";
/// Where the server's configuration says that streams are kept.
pub(crate) const STORE: &str = "/data";
/// Name of the port of `/healthz`.
const MONITOR: &str = "monitor";
/// Port of `/healthz`.
pub(crate) const MONITOR_PORT: u16 = 8222;

/// The server's configuration, if there is a server of our own: public keys and tokens signed with the
/// seeds, never a seed.
pub(super) fn config_map(platform: &Platform, server_config: &str) -> Option<ConfigMap> {
    matches!(platform.nats, NatsServer::Managed { .. }).then(|| ConfigMap {
        metadata: meta(platform, platform.object_name(PART), PART, Retention::Owned),
        data: Some(BTreeMap::from([("nats.conf".to_owned(), server_config.to_owned())])),
        ..ConfigMap::default()
    })
}

/// The server, if there is one of our own.
pub(super) fn stateful_set(platform: &Platform, server_config: &str, live: &Live) -> Option<StatefulSet> {
    let NatsServer::Managed { image, volume, resources } = &platform.nats else {
        return None;
    };
    Some(stateful_set::with_volume(
        platform,
        PART,
        volume,
        template(platform, server_config, image, resources),
        live,
    ))
}

/// Volumes that shall grow.
pub(super) fn claims(platform: &Platform, live: &Live) -> Vec<PersistentVolumeClaim> {
    match &platform.nats {
        NatsServer::Managed { volume, .. } => storage::growth(platform, PART, volume, live),
        NatsServer::External { .. } => Vec::new(),
    }
}

fn template(platform: &Platform, server_config: &str, image: &str, resources: &Resources) -> PodTemplateSpec {
    let spec = PodSpec {
        containers: vec![container(platform, image, resources)],
        volumes: Some(vec![pod::config_volume("config", platform.object_name(PART))]),
        termination_grace_period_seconds: Some(60),
        ..pod::common(platform, USER)
    };
    pod::template(platform, PART, hash([server_config]), spec)
}

fn container(platform: &Platform, image: &str, resources: &Resources) -> Container {
    Container {
        name: PART.to_owned(),
        image: Some(image.to_owned()),
        image_pull_policy: Some(platform.pull_policy.name().to_owned()),
        command: Some(vec!["nats-server".to_owned(), "--config".to_owned(), format!("{CONFIG}/nats.conf")]),
        ports: Some(vec![port(PART, NATS_PORT), port(MONITOR, MONITOR_PORT)]),
        resources: Some(pod::resources(resources)),
        security_context: Some(pod::container_security()),
        readiness_probe: Some(pod::http_probe("/healthz", MONITOR, 2, 3)),
        startup_probe: Some(pod::http_probe("/healthz?js-server-only=true", MONITOR, 1, 300)),
        liveness_probe: Some(pod::http_probe("/healthz?js-server-only=true", MONITOR, 15, 4)),
        volume_mounts: Some(vec![pod::writable(storage::DATA, STORE), pod::read_only("config", CONFIG)]),
        ..Container::default()
    }
}

fn port(name: &str, number: u16) -> ContainerPort {
    ContainerPort {
        name: Some(name.to_owned()),
        container_port: number.into(),
        protocol: Some("TCP".to_owned()),
        ..ContainerPort::default()
    }
}
