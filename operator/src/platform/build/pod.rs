//! What every pod of the platform has in common: the `restricted` profile, resources, volumes.

use std::{collections::BTreeMap, path::Path};

use k8s_openapi::{
    api::core::v1::{
        Capabilities, ConfigMapProjection, ConfigMapVolumeSource, EmptyDirVolumeSource, HTTPGetAction,
        LocalObjectReference, PodSecurityContext, PodSpec, PodTemplateSpec, Probe, ProjectedVolumeSource,
        ResourceRequirements, SeccompProfile, SecretProjection, SecretVolumeSource, SecurityContext, Volume,
        VolumeMount, VolumeProjection,
    },
    apimachinery::pkg::{api::resource::Quantity, apis::meta::v1::ObjectMeta, util::intstr::IntOrString},
};

use protocol::paths::{CONFIG_FILE, Mount, Paths};

use super::meta::labels;
use crate::{
    api::{ANNOTATION_CONFIG, Amounts, Resources},
    platform::resolve::{Platform, ServicePlan},
};

/// User of the services' containers.
const USER: i64 = 65532;
/// Mode of mounted secrets: the pod's group reads them, nobody else.
const SECRET_MODE: i32 = 0o440;

/// A pod's template: its labels, and the revision of what only a new pod takes up.
pub(super) fn template(
    platform: &Platform,
    component: &str,
    revision: String,
    spec: PodSpec,
) -> PodTemplateSpec {
    PodTemplateSpec {
        metadata: Some(ObjectMeta {
            labels: Some(labels(platform, component)),
            annotations: Some(BTreeMap::from([(ANNOTATION_CONFIG.to_owned(), revision)])),
            ..ObjectMeta::default()
        }),
        spec: Some(spec),
    }
}

/// What all pods have in common: no way to the Kubernetes API, and the `restricted` profile.
pub(super) fn common(platform: &Platform, user: i64) -> PodSpec {
    let pull_secrets = platform.pull_secrets.iter().map(|name| LocalObjectReference { name: name.clone() });
    PodSpec {
        service_account_name: Some(super::service_account::name(platform)),
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        security_context: Some(pod_security(user)),
        image_pull_secrets: (!platform.pull_secrets.is_empty()).then(|| pull_secrets.collect()),
        ..PodSpec::default()
    }
}

/// What the pods of a service and of its migration have in common.
pub(super) fn of_service(platform: &Platform, plan: &ServicePlan) -> PodSpec {
    PodSpec {
        node_selector: (!plan.node_selector.is_empty()).then(|| plan.node_selector.clone()),
        tolerations: (!plan.tolerations.is_empty()).then(|| plan.tolerations.clone()),
        ..common(platform, USER)
    }
}

/// Security of a pod under the `restricted` profile.
fn pod_security(user: i64) -> PodSecurityContext {
    PodSecurityContext {
        run_as_non_root: Some(true),
        run_as_user: Some(user),
        run_as_group: Some(user),
        fs_group: Some(user),
        // A changed owner of every file would delay the start of a large database.
        fs_group_change_policy: Some("OnRootMismatch".to_owned()),
        seccomp_profile: Some(SeccompProfile { type_: "RuntimeDefault".to_owned(), localhost_profile: None }),
        ..PodSecurityContext::default()
    }
}

/// Security of a container under the `restricted` profile, with a read-only root.
pub(super) fn container_security() -> SecurityContext {
    SecurityContext {
        allow_privilege_escalation: Some(false),
        read_only_root_filesystem: Some(true),
        capabilities: Some(Capabilities { drop: Some(vec!["ALL".to_owned()]), add: None }),
        ..SecurityContext::default()
    }
}

/// Asks a named port every `period` seconds, and gives up after so many failures.
pub(super) fn http_probe(path: &str, port: &str, period: i32, failures: i32) -> Probe {
    Probe {
        http_get: Some(HTTPGetAction {
            path: Some(path.to_owned()),
            port: IntOrString::String(port.to_owned()),
            ..HTTPGetAction::default()
        }),
        period_seconds: Some(period),
        failure_threshold: Some(failures),
        timeout_seconds: Some(3),
        ..Probe::default()
    }
}

/// Compute resources.
pub(super) fn resources(resources: &Resources) -> ResourceRequirements {
    ResourceRequirements {
        requests: resources.requests.as_ref().map(amounts),
        limits: resources.limits.as_ref().map(amounts),
        claims: None,
    }
}

fn amounts(amounts: &Amounts) -> BTreeMap<String, Quantity> {
    [("cpu", &amounts.cpu), ("memory", &amounts.memory)]
        .into_iter()
        .filter_map(|(name, amount)| Some((name.to_owned(), Quantity(amount.clone()?))))
        .collect()
}

/// A mount that the container cannot write to.
pub(super) fn read_only(volume: &str, path: &str) -> VolumeMount {
    VolumeMount {
        name: volume.to_owned(),
        mount_path: path.to_owned(),
        read_only: Some(true),
        ..VolumeMount::default()
    }
}

/// The volume of a service's configuration file.
pub(super) const CONFIG: &str = "config";

/// Arguments of the services' program: a command for one service, with its configuration.
pub(super) fn with_config(command: &str, service: &topology::Service) -> Vec<String> {
    let config = text(&Paths::mounted().config());
    vec![command.to_owned(), service.name.to_owned(), "--config".to_owned(), config]
}

/// The configuration file, from the volume [`CONFIG`].
pub(super) fn config_mount() -> VolumeMount {
    VolumeMount {
        sub_path: Some(CONFIG_FILE.to_owned()),
        ..read_only(CONFIG, &text(&Paths::mounted().config()))
    }
}

/// A folder that a service is given, from the volume of its name.
pub(super) fn mount(mount: Mount) -> VolumeMount {
    read_only(mount.name(), &text(&Paths::mounted().mount(mount)))
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// A mount that the container can write to.
pub(super) fn writable(volume: &str, path: &str) -> VolumeMount {
    VolumeMount { name: volume.to_owned(), mount_path: path.to_owned(), ..VolumeMount::default() }
}

/// A volume of a Secret.
pub(super) fn secret_volume(name: &str, secret: String) -> Volume {
    Volume {
        name: name.to_owned(),
        secret: Some(SecretVolumeSource {
            secret_name: Some(secret),
            default_mode: Some(SECRET_MODE),
            ..SecretVolumeSource::default()
        }),
        ..Volume::default()
    }
}

/// A volume of a ConfigMap.
pub(super) fn config_volume(name: &str, config_map: String) -> Volume {
    Volume {
        name: name.to_owned(),
        config_map: Some(ConfigMapVolumeSource { name: config_map, ..ConfigMapVolumeSource::default() }),
        ..Volume::default()
    }
}

/// A volume of the ConfigMap or the Secret of that name, whichever there is: the public keys change
/// places when they become a shared secret (HS256), and the pods need not be replaced for it. Where there are
/// both, the later one counts: the Secret of a former algorithm cannot be deleted.
pub(super) fn either_volume(volume: &str, name: &str) -> Volume {
    let config_map = ConfigMapProjection { name: name.to_owned(), optional: Some(true), items: None };
    let secret = SecretProjection { name: name.to_owned(), optional: Some(true), items: None };
    Volume {
        name: volume.to_owned(),
        projected: Some(ProjectedVolumeSource {
            default_mode: Some(SECRET_MODE),
            sources: Some(vec![
                VolumeProjection { secret: Some(secret), ..VolumeProjection::default() },
                VolumeProjection { config_map: Some(config_map), ..VolumeProjection::default() },
            ]),
        }),
        ..Volume::default()
    }
}

/// A volume that lives as long as the pod.
pub(super) fn scratch_volume(name: &str) -> Volume {
    Volume { name: name.to_owned(), empty_dir: Some(EmptyDirVolumeSource::default()), ..Volume::default() }
}
