//! ConfigMaps: configuration, and public keys.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use protocol::paths::CONFIG_FILE;

use super::{
    config::config,
    deployment,
    meta::{Fate, meta},
};
use crate::platform::{keys::Keys, memory::key, resolve::Platform};

/// The configuration of every service.
pub(super) fn config_maps(platform: &Platform) -> Vec<ConfigMap> {
    platform
        .services
        .iter()
        .map(|plan| ConfigMap {
            metadata: meta(platform, deployment::name(platform, plan.service), plan.service.name, Fate::Goes),
            data: Some(BTreeMap::from([(CONFIG_FILE.to_owned(), config(platform, plan))])),
            ..ConfigMap::default()
        })
        .collect()
}

/// The public keys, unless they are a shared secret.
pub(super) fn verification_keys(platform: &Platform, keys: &Keys) -> Option<ConfigMap> {
    (!keys.keyring.jwks_is_secret()).then(|| ConfigMap {
        metadata: meta(platform, platform.object_name("verification-keys"), "auth", Fate::Goes),
        data: Some(BTreeMap::from([(key::JWKS.to_owned(), keys.jwks.clone())])),
        ..ConfigMap::default()
    })
}
