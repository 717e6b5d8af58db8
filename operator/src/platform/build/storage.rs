//! Volumes of PostgreSQL and NATS.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::{
        apps::v1::StatefulSetPersistentVolumeClaimRetentionPolicy,
        core::v1::{PersistentVolumeClaim, PersistentVolumeClaimSpec, VolumeResourceRequirements},
    },
    apimachinery::pkg::{api::resource::Quantity, apis::meta::v1::ObjectMeta},
};
use serde_json::Value;

use super::meta::labels;
use crate::platform::{
    gather::Live,
    kind::Kind,
    quantity::quantity,
    resolve::{Platform, Volume},
};

/// Name of the volume in the pod, and of its template.
pub(super) const DATA: &str = "data";

/// The template of the volume. A StatefulSet's templates cannot be changed, so the size of a living one
/// stays; the volumes themselves grow by [`growth`].
pub(super) fn template(
    platform: &Platform,
    component: &str,
    volume: &Volume,
    live: Option<&Value>,
) -> PersistentVolumeClaim {
    let requests = "/spec/volumeClaimTemplates/0/spec/resources/requests/storage";
    let size = live.and_then(|set| set.pointer(requests)?.as_str()).unwrap_or(&volume.size);
    PersistentVolumeClaim {
        metadata: ObjectMeta {
            name: Some(DATA.to_owned()),
            labels: Some(labels(platform, component)),
            ..ObjectMeta::default()
        },
        spec: Some(PersistentVolumeClaimSpec {
            access_modes: Some(vec!["ReadWriteOnce".to_owned()]),
            storage_class_name: volume.class.clone(),
            resources: Some(request(size)),
            ..PersistentVolumeClaimSpec::default()
        }),
        status: None,
    }
}

/// Volumes outlive the platform unless the deletion policy is `Delete`, and outlive scaling always.
pub(super) fn retention(platform: &Platform) -> StatefulSetPersistentVolumeClaimRetentionPolicy {
    let deleted = if platform.retain { "Retain" } else { "Delete" };
    StatefulSetPersistentVolumeClaimRetentionPolicy {
        when_deleted: Some(deleted.to_owned()),
        when_scaled: Some("Retain".to_owned()),
    }
}

/// The volumes of a StatefulSet that are smaller than declared, with the size that they shall have.
pub(super) fn growth(
    platform: &Platform,
    component: &str,
    volume: &Volume,
    live: &Live,
) -> Vec<PersistentVolumeClaim> {
    let prefix = format!("{DATA}-{}-", platform.object_name(component));
    let small = |claim: &Value| {
        let size =
            claim.pointer("/spec/resources/requests/storage").and_then(|size| quantity(size.as_str()?));
        matches!((size, quantity(&volume.size)), (Some(has), Some(shall)) if has < shall)
    };
    live.of(Kind::PersistentVolumeClaim)
        .filter(|(name, claim)| name.starts_with(&prefix) && small(claim))
        .map(|(name, _)| PersistentVolumeClaim {
            metadata: ObjectMeta {
                name: Some(name.to_owned()),
                namespace: Some(platform.namespace.clone()),
                labels: Some(labels(platform, component)),
                ..ObjectMeta::default()
            },
            spec: Some(PersistentVolumeClaimSpec {
                resources: Some(request(&volume.size)),
                ..PersistentVolumeClaimSpec::default()
            }),
            status: None,
        })
        .collect()
}

fn request(size: &str) -> VolumeResourceRequirements {
    VolumeResourceRequirements {
        requests: Some(BTreeMap::from([("storage".to_owned(), Quantity(size.to_owned()))])),
        limits: None,
    }
}
