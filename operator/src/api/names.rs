//! Labels, annotations and other names that are part of the API, each written once.

/// API group of the resource.
pub const GROUP: &str = "shopflow.dev";

/// Field manager of everything the operator applies.
pub const FIELD_MANAGER: &str = "shopflow-operator";

/// The platform that an object belongs to.
pub const LABEL_INSTANCE: &str = "app.kubernetes.io/instance";
/// The part of the platform: a service's name, `postgres` or `nats`.
pub const LABEL_COMPONENT: &str = "app.kubernetes.io/component";
/// Who keeps the object.
pub const LABEL_MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// Value of [`LABEL_MANAGED_BY`].
pub const LABEL_MANAGED_BY_VALUE: &str = "shopflow-operator";
/// The application.
pub const LABEL_NAME: &str = "app.kubernetes.io/name";
/// Value of [`LABEL_NAME`].
pub const LABEL_NAME_VALUE: &str = "shopflow";

/// On every applied object: hash of what was applied. A removed field is invisible in a comparison of
/// the desired object with the live one; it changes this hash.
pub const ANNOTATION_APPLIED: &str = "shopflow.dev/applied";
/// On pod templates: hash of the configuration, so that a change of it rolls the pods.
pub const ANNOTATION_CONFIG: &str = "shopflow.dev/config";
/// On pods, never on templates: revision of the mounted keys and credentials. A kubelet syncs a pod at
/// once when its annotations change, so the files are there in a moment and nothing restarts.
pub const ANNOTATION_MOUNTED: &str = "shopflow.dev/mounted-revision";
/// On the platform, set by people: a new value rotates the signing key now.
pub const ANNOTATION_ROTATE_KEYS: &str = "shopflow.dev/rotate-keys";
/// On the platform, set by people: permits new signing keys, passwords or seeds where the old are lost.
pub const ANNOTATION_RECREATE_KEYS: &str = "shopflow.dev/recreate-keys";
/// On the platform, set by people: permits new, empty databases where the old are gone.
pub const ANNOTATION_RECREATE_DATABASES: &str = "shopflow.dev/recreate-databases";
/// On a deleted platform whose external databases cannot be dropped: since when (RFC 3339).
pub const ANNOTATION_DROP_FAILING_SINCE: &str = "shopflow.dev/drop-failing-since";
