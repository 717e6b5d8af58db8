//! The platform's objects as the API server has them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde_json::Value;

use super::{
    kind::{Kept, Kind},
    resolve::Platform,
};
use crate::api::{LABEL_INSTANCE, LABEL_MANAGED_BY, LABEL_MANAGED_BY_VALUE};

/// The platform's objects as the API server has them, whole. An object that cannot be decoded as its
/// type hinders only what needs it decoded.
#[derive(Clone, Default)]
pub struct Live {
    objects: BTreeMap<(Kind, String), Value>,
    /// Secrets that the operator may not read. Whether they exist is not known.
    forbidden: BTreeSet<String>,
    /// What the cluster warned of, by pod: what its status does not say, such as a volume that cannot be mounted.
    warnings: BTreeMap<String, String>,
}

/// Names alone: Secrets are among the objects.
impl fmt::Debug for Live {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.objects.keys()).finish()
    }
}

impl Live {
    /// Takes an object up.
    pub fn insert(&mut self, kind: Kind, object: Value) {
        if let Some(name) = object["metadata"]["name"].as_str() {
            self.objects.insert((kind, name.to_owned()), object);
        }
    }

    /// Notes that a Secret may not be read.
    pub(super) fn forbid(&mut self, secret: String) {
        self.forbidden.insert(secret);
    }

    /// Secrets that the operator may not read.
    pub(super) fn forbidden(&self) -> impl Iterator<Item = &str> {
        self.forbidden.iter().map(String::as_str)
    }

    /// Whether a Secret may not be read: it must not be taken for absent then.
    pub(super) fn is_forbidden(&self, secret: &str) -> bool {
        self.forbidden.contains(secret)
    }

    /// Notes a warning about a pod.
    pub(super) fn warn(&mut self, pod: String, warning: String) {
        self.warnings.insert(pod, warning);
    }

    /// The last warning about a pod.
    pub(super) fn warning(&self, pod: &str) -> Option<&str> {
        self.warnings.get(pod).map(String::as_str)
    }

    /// The object, whole.
    pub fn raw(&self, kind: Kind, name: &str) -> Option<&Value> {
        self.objects.get(&(kind, name.to_owned()))
    }

    /// The object as its type.
    pub fn get<K: Kept>(&self, name: &str) -> Option<K> {
        K::deserialize(self.raw(K::KIND, name)?).ok()
    }

    /// All of a kind that can be decoded.
    pub fn all<K: Kept>(&self) -> impl Iterator<Item = K> {
        self.of(K::KIND).filter_map(|(_, object)| K::deserialize(object).ok())
    }

    /// All of a kind, whole, by name.
    pub fn of(&self, kind: Kind) -> impl Iterator<Item = (&str, &Value)> {
        self.objects
            .range((kind, String::new())..)
            .take_while(move |((found, _), _)| *found == kind)
            .map(|((_, name), object)| (name.as_str(), object))
    }

    /// Whether the object is not this platform's: neither by its labels, which people may remove, nor by its
    /// owner, which retained objects do not have. The name of the instance alone says nothing: every chart
    /// gives its objects that of its release.
    pub fn is_foreign(object: &Value, platform: &Platform) -> bool {
        let labels = &object["metadata"]["labels"];
        let labelled = labels[LABEL_INSTANCE].as_str() == Some(&platform.name)
            && labels[LABEL_MANAGED_BY].as_str() == Some(LABEL_MANAGED_BY_VALUE);
        let owners = object["metadata"]["ownerReferences"].as_array();
        let owned =
            owners.is_some_and(|owners| owners.iter().any(|owner| owner["uid"] == platform.owner.uid));
        !labelled && !owned
    }
}
