//! The identity of pods: one without any permission or token.

use k8s_openapi::api::core::v1::ServiceAccount;

use super::meta::{Retention, meta};
use crate::platform::resolve::Platform;

/// Name of the ServiceAccount of every pod.
pub(super) fn name(platform: &Platform) -> String {
    platform.object_name("services")
}

/// The ServiceAccount of every pod.
pub(super) fn service_account(platform: &Platform) -> ServiceAccount {
    ServiceAccount {
        metadata: meta(platform, name(platform), "services", Retention::Owned),
        automount_service_account_token: Some(false),
        ..ServiceAccount::default()
    }
}
