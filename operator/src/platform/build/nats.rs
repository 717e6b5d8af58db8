//! The managed NATS server.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::{
        apps::v1::{StatefulSet, StatefulSetSpec},
        core::v1::{
            ConfigMap, Container, ContainerPort, HTTPGetAction, PersistentVolumeClaim, PodSpec,
            PodTemplateSpec, Probe,
        },
    },
    apimachinery::pkg::{apis::meta::v1::ObjectMeta, util::intstr::IntOrString},
};

use super::{
    meta::{Fate, hash, label_selector, labels, meta},
    pod,
    service::NATS_PORT,
    storage,
};
use crate::{
    api::{ANNOTATION_CONFIG, Resources},
    platform::{
        kind::Kind,
        live::Live,
        resolve::{NatsServer, Platform},
    },
};

const PART: &str = "nats";
const USER: i64 = 1000;
const CONFIG: &str = "/etc/nats";
/// Where the server's configuration says that streams are kept.
pub(crate) const STORE: &str = "/data";
/// Port of `/healthz`.
pub(crate) const MONITOR_PORT: u16 = 8222;

/// The server's configuration, if there is a server of our own: public keys and tokens signed with the
/// seeds, never a seed.
pub(super) fn config_map(platform: &Platform, server_config: &str) -> Option<ConfigMap> {
    matches!(platform.nats, NatsServer::Managed { .. }).then(|| ConfigMap {
        metadata: meta(platform, platform.object_name(PART), PART, Fate::Goes),
        data: Some(BTreeMap::from([("nats.conf".to_owned(), server_config.to_owned())])),
        ..ConfigMap::default()
    })
}

/// The server, if there is one of our own.
pub(super) fn stateful_set(platform: &Platform, server_config: &str, live: &Live) -> Option<StatefulSet> {
    let NatsServer::Managed { image, volume, resources } = &platform.nats else {
        return None;
    };
    let name = platform.object_name(PART);
    let claim = storage::template(platform, PART, volume, live.raw(Kind::StatefulSet, &name));
    Some(StatefulSet {
        spec: Some(StatefulSetSpec {
            service_name: Some(name.clone()),
            replicas: Some(1),
            selector: label_selector(platform, PART),
            template: template(platform, server_config, image, resources),
            volume_claim_templates: Some(vec![claim]),
            persistent_volume_claim_retention_policy: Some(storage::retention(platform)),
            ..StatefulSetSpec::default()
        }),
        metadata: meta(platform, name, PART, Fate::Goes),
        status: None,
    })
}

/// Volumes that shall grow.
pub(super) fn claims(platform: &Platform, live: &Live) -> Vec<PersistentVolumeClaim> {
    match &platform.nats {
        NatsServer::Managed { volume, .. } => storage::growth(platform, PART, volume, live),
        NatsServer::External { .. } => Vec::new(),
    }
}

fn template(platform: &Platform, server_config: &str, image: &str, resources: &Resources) -> PodTemplateSpec {
    PodTemplateSpec {
        metadata: Some(ObjectMeta {
            labels: Some(labels(platform, PART)),
            annotations: Some(BTreeMap::from([(ANNOTATION_CONFIG.to_owned(), hash([server_config]))])),
            ..ObjectMeta::default()
        }),
        spec: Some(PodSpec {
            containers: vec![container(platform, image, resources)],
            volumes: Some(vec![pod::config_volume("config", platform.object_name(PART))]),
            service_account_name: Some(super::service_account::name(platform)),
            automount_service_account_token: Some(false),
            enable_service_links: Some(false),
            security_context: Some(pod::pod_security(USER)),
            image_pull_secrets: pod::pull_secrets(platform),
            termination_grace_period_seconds: Some(60),
            ..PodSpec::default()
        }),
    }
}

fn container(platform: &Platform, image: &str, resources: &Resources) -> Container {
    Container {
        name: PART.to_owned(),
        image: Some(image.to_owned()),
        image_pull_policy: Some(platform.pull_policy.name().to_owned()),
        command: Some(vec!["nats-server".to_owned(), "--config".to_owned(), format!("{CONFIG}/nats.conf")]),
        ports: Some(vec![port(PART, NATS_PORT), port("monitor", MONITOR_PORT)]),
        resources: Some(pod::resources(resources)),
        security_context: Some(pod::container_security()),
        readiness_probe: Some(probe("/healthz", 2, 3)),
        startup_probe: Some(probe("/healthz?js-server-only=true", 1, 300)),
        liveness_probe: Some(probe("/healthz?js-server-only=true", 15, 4)),
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

fn probe(path: &str, period: i32, failures: i32) -> Probe {
    Probe {
        http_get: Some(HTTPGetAction {
            path: Some(path.to_owned()),
            port: IntOrString::String("monitor".to_owned()),
            ..HTTPGetAction::default()
        }),
        period_seconds: Some(period),
        failure_threshold: Some(failures),
        timeout_seconds: Some(3),
        ..Probe::default()
    }
}
