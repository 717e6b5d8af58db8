//! The services.

use k8s_openapi::{
    api::{
        apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment},
        core::v1::{
            Container, ContainerPort, PodSpec, PodTemplateSpec, TopologySpreadConstraint, Volume, VolumeMount,
        },
    },
    apimachinery::pkg::util::intstr::IntOrString,
};

use protocol::paths::Mount;

use super::{
    config,
    meta::{Retention, hash, label_selector, meta},
    pod,
};
use crate::platform::resolve::{EmailProvider, Platform, ServicePlan, SmsProvider};

/// Name of the port for probes and metrics. No Service has it: the one of the gateway may be opened to the Internet.
const INTERNAL: &str = "internal";

/// Name of the Deployment of a service.
pub(crate) fn name(platform: &Platform, service: &topology::Service) -> String {
    platform.object_name(service.name)
}

/// The Deployment of a service.
pub(super) fn deployment(platform: &Platform, plan: &ServicePlan) -> Deployment {
    Deployment {
        metadata: meta(platform, name(platform, plan.service), plan.service.name, Retention::Owned),
        spec: Some(DeploymentSpec {
            replicas: Some(plan.replicas),
            selector: label_selector(platform, plan.service.name),
            strategy: Some(DeploymentStrategy {
                type_: Some("RollingUpdate".to_owned()),
                // Never fewer pods than declared: the old one goes when the new one is ready.
                rolling_update: Some(RollingUpdateDeployment {
                    max_surge: Some(IntOrString::Int(1)),
                    max_unavailable: Some(IntOrString::Int(0)),
                }),
            }),
            revision_history_limit: Some(3),
            template: template(platform, plan),
            ..DeploymentSpec::default()
        }),
        status: None,
    }
}

fn template(platform: &Platform, plan: &ServicePlan) -> PodTemplateSpec {
    // Keys and credentials have no part in it: they change under a running pod.
    let revision = hash([config::config(platform, plan)]);
    let spec = PodSpec {
        containers: vec![container(platform, plan)],
        volumes: Some(volumes(platform, plan.service)),
        // Also for a single pod: the template must not change with the replicas, or every pod is replaced.
        topology_spread_constraints: Some(spread(platform, plan.service)),
        // The service keeps to it by itself, step by step.
        termination_grace_period_seconds: i64::try_from(topology::GRACE_PERIOD.as_secs()).ok(),
        ..pod::of_service(platform, plan)
    };
    pod::template(platform, plan.service.name, revision, spec)
}

fn container(platform: &Platform, plan: &ServicePlan) -> Container {
    let service = plan.service;
    Container {
        name: service.name.to_owned(),
        image: Some(plan.image.clone()),
        image_pull_policy: Some(platform.pull_policy.name().to_owned()),
        args: Some(pod::with_config("serve", service)),
        ports: Some(vec![port("http", service.port), port(INTERNAL, topology::INTERNAL_PORT)]),
        resources: Some(pod::resources(&plan.resources)),
        security_context: Some(pod::container_security()),
        // A service drains by itself: it answers /ready with 503 for a while before it stops accepting.
        readiness_probe: Some(pod::http_probe("/ready", INTERNAL, 2, 2)),
        liveness_probe: Some(pod::http_probe("/health", INTERNAL, 10, 3)),
        startup_probe: Some(pod::http_probe("/health", INTERNAL, 1, 60)),
        volume_mounts: Some(mounts(platform, service)),
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

/// Volumes, by name, and where each is mounted.
pub(super) fn volumes(platform: &Platform, service: &topology::Service) -> Vec<Volume> {
    let object = |part: &str| platform.object_name(&format!("{}-{part}", service.name));
    let of = |mount: Mount| pod::secret_volume(mount.name(), object(mount.name()));
    let keys = Mount::VerificationKeys.name();
    let mut volumes = vec![
        pod::config_volume(pod::CONFIG, name(platform, service)),
        pod::either_volume(keys, &platform.object_name(keys)),
        of(Mount::Nats),
        of(Mount::Tokens),
    ];
    if service.database {
        volumes.push(of(Mount::Database));
    }
    for (mount, secret) in private(platform, service) {
        volumes.push(pod::secret_volume(mount.name(), secret));
    }
    volumes
}

fn mounts(platform: &Platform, service: &topology::Service) -> Vec<VolumeMount> {
    let mut mounts = vec![
        pod::config_mount(),
        pod::mount(Mount::VerificationKeys),
        pod::mount(Mount::Nats),
        pod::mount(Mount::Tokens),
    ];
    if service.database {
        mounts.push(pod::mount(Mount::Database));
    }
    mounts.extend(private(platform, service).into_iter().map(|(mount, _)| pod::mount(mount)));
    mounts
}

/// Secrets that one service alone sees.
fn private(platform: &Platform, service: &topology::Service) -> Vec<(Mount, String)> {
    match service.name {
        "auth" => [Mount::SigningKeys, Mount::Admin]
            .map(|mount| (mount, platform.object_name(mount.name())))
            .to_vec(),
        "notification" => {
            let settings = &platform.notifications;
            let smtp = match &settings.email {
                EmailProvider::Smtp { secret: Some(secret), .. } => Some((Mount::Smtp, secret.clone())),
                _ => None,
            };
            let twilio = match &settings.sms {
                SmsProvider::Twilio { secret, .. } => Some((Mount::Twilio, secret.clone())),
                SmsProvider::Log => None,
            };
            smtp.into_iter().chain(twilio).collect()
        }
        _ => Vec::new(),
    }
}

/// Pods of one service on different nodes where there are some.
fn spread(platform: &Platform, service: &topology::Service) -> Vec<TopologySpreadConstraint> {
    vec![TopologySpreadConstraint {
        max_skew: 1,
        topology_key: "kubernetes.io/hostname".to_owned(),
        when_unsatisfiable: "ScheduleAnyway".to_owned(),
        label_selector: Some(label_selector(platform, service.name)),
        ..TopologySpreadConstraint::default()
    }]
}
