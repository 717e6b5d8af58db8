//! Names, labels and ownership of the platform's objects.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use sha2::{Digest as _, Sha256};

use crate::{
    api::{
        LABEL_COMPONENT, LABEL_INSTANCE, LABEL_MANAGED_BY, LABEL_MANAGED_BY_VALUE, LABEL_NAME,
        LABEL_NAME_VALUE,
    },
    platform::resolve::Platform,
};

/// What becomes of an object when the platform is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Retention {
    /// It goes with the platform.
    Owned,
    /// It stays unless the deletion policy is `Delete`: without it, the data could not be used again.
    Retained,
}

/// Metadata of an object.
pub(super) fn meta(platform: &Platform, name: String, component: &str, retention: Retention) -> ObjectMeta {
    let owned = retention == Retention::Owned || !platform.retain;
    ObjectMeta {
        name: Some(name),
        namespace: Some(platform.namespace.clone()),
        labels: Some(labels(platform, component)),
        owner_references: owned.then(|| vec![platform.owner.clone()]),
        ..ObjectMeta::default()
    }
}

/// All labels of an object.
pub(super) fn labels(platform: &Platform, component: &str) -> BTreeMap<String, String> {
    let mut labels = selector(platform, component);
    labels.insert(LABEL_MANAGED_BY.to_owned(), LABEL_MANAGED_BY_VALUE.to_owned());
    labels
}

/// The labels that find the pods of a part. They never change: selectors are immutable.
pub(super) fn selector(platform: &Platform, component: &str) -> BTreeMap<String, String> {
    BTreeMap::from([
        (LABEL_NAME.to_owned(), LABEL_NAME_VALUE.to_owned()),
        (LABEL_INSTANCE.to_owned(), platform.name.clone()),
        (LABEL_COMPONENT.to_owned(), component.to_owned()),
    ])
}

/// A selector of the pods of a part.
pub(super) fn label_selector(platform: &Platform, component: &str) -> LabelSelector {
    LabelSelector { match_labels: Some(selector(platform, component)), match_expressions: None }
}

/// A short hash of texts, the same for the same texts in the same order.
pub(crate) fn hash<T: AsRef<[u8]>>(parts: impl IntoIterator<Item = T>) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        let part = part.as_ref();
        // The length keeps ("a", "bc") and ("ab", "c") apart.
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    let short = digest.finalize().first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
    format!("{short:016x}")
}
