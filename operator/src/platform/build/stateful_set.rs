//! A server of one pod with a volume of its own.

use k8s_openapi::api::{
    apps::v1::{StatefulSet, StatefulSetSpec},
    core::v1::PodTemplateSpec,
};

use super::{
    meta::{Fate, label_selector, meta},
    service, storage,
};
use crate::platform::{
    kind::Kind,
    live::Live,
    resolve::{Platform, Volume},
};

/// The StatefulSet of the platform's server `part`.
pub(super) fn with_volume(
    platform: &Platform,
    part: &str,
    volume: &Volume,
    template: PodTemplateSpec,
    live: &Live,
) -> StatefulSet {
    let name = platform.object_name(part);
    let claim = storage::template(platform, part, volume, live.raw(Kind::StatefulSet, &name));
    StatefulSet {
        spec: Some(StatefulSetSpec {
            service_name: Some(service::headless(platform, part)),
            // The controller then replaces a pod that cannot start when the template is corrected; in order, it would
            // wait for that pod for ever. Neither of these two can be changed later.
            pod_management_policy: Some("Parallel".to_owned()),
            replicas: Some(1),
            selector: label_selector(platform, part),
            template,
            volume_claim_templates: Some(vec![claim]),
            persistent_volume_claim_retention_policy: Some(storage::retention(platform)),
            ..StatefulSetSpec::default()
        }),
        metadata: meta(platform, name, part, Fate::Goes),
        status: None,
    }
}
