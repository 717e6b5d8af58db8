//! Condition types and reasons: part of the API, so each is written once.

/// What a condition is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConditionType {
    /// The summary: the platform is as declared, and serves.
    Ready,
    /// The operator is bringing the platform to what is declared.
    Reconciling,
    /// A person is needed; the last good state is kept.
    Stalled,
    /// `spec.suspend` is set: nothing is changed.
    Suspended,
    /// Databases, roles and grants are as they should be.
    DatabasesReady,
    /// Streams, consumers, buckets and credentials are as they should be.
    MessagingReady,
    /// One signing key is active and every ready pod has loaded it.
    KeysReady,
    /// Every migration of this release has run.
    MigrationsReady,
    /// Every service has its pods.
    ServicesReady,
    /// Mail and text messages leave the platform.
    NotificationsReady,
    /// The way in from outside.
    EdgeReady,
    /// What the declared replicas really protect against.
    Durable,
    /// A newer release than the running one comes with this operator.
    UpgradeAvailable,
}

impl ConditionType {
    /// All of them, in the order in which they are listed.
    pub const ALL: [Self; 13] = [
        Self::Ready,
        Self::Reconciling,
        Self::Stalled,
        Self::Suspended,
        Self::DatabasesReady,
        Self::MessagingReady,
        Self::KeysReady,
        Self::MigrationsReady,
        Self::ServicesReady,
        Self::NotificationsReady,
        Self::EdgeReady,
        Self::Durable,
        Self::UpgradeAvailable,
    ];

    /// The `type` of the condition.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::Reconciling => "Reconciling",
            Self::Stalled => "Stalled",
            Self::Suspended => "Suspended",
            Self::DatabasesReady => "DatabasesReady",
            Self::MessagingReady => "MessagingReady",
            Self::KeysReady => "KeysReady",
            Self::MigrationsReady => "MigrationsReady",
            Self::ServicesReady => "ServicesReady",
            Self::NotificationsReady => "NotificationsReady",
            Self::EdgeReady => "EdgeReady",
            Self::Durable => "Durable",
            Self::UpgradeAvailable => "UpgradeAvailable",
        }
    }
}

/// A condition before it is compared with the last one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// `Some(true)` is `True`, `None` is `Unknown`.
    pub status: Option<bool>,
    /// One of [`reason`].
    pub reason: &'static str,
    /// For people.
    pub message: String,
}

impl Outcome {
    /// `True`.
    pub fn yes(reason: &'static str, message: impl Into<String>) -> Self {
        Self { status: Some(true), reason, message: message.into() }
    }

    /// `False`.
    pub fn no(reason: &'static str, message: impl Into<String>) -> Self {
        Self { status: Some(false), reason, message: message.into() }
    }

    /// `Unknown`.
    pub fn unknown(reason: &'static str, message: impl Into<String>) -> Self {
        Self { status: None, reason, message: message.into() }
    }

    /// Whether it is `True`.
    pub fn is_true(&self) -> bool {
        self.status == Some(true)
    }

    /// The `status` of the condition.
    pub const fn status_text(&self) -> &'static str {
        match self.status {
            Some(true) => "True",
            Some(false) => "False",
            None => "Unknown",
        }
    }
}

/// Reasons of conditions.
pub mod reason {
    /// All is as declared.
    pub const CONVERGED: &str = "Converged";
    /// Something is still being brought about.
    pub const PROGRESSING: &str = "Progressing";
    /// Nothing is wrong that a person would have to mend.
    pub const NOTHING_WRONG: &str = "NothingWrong";
    /// The resource asks for something impossible.
    pub const INVALID_SPEC: &str = "InvalidSpec";
    /// An object of that name belongs to someone else.
    pub const NAME_CONFLICT: &str = "NameConflict";
    /// The keyring is gone though there was one.
    pub const SIGNING_KEYS_LOST: &str = "SigningKeysLost";
    /// The superuser's password is gone though there is data.
    pub const DATABASE_PASSWORD_LOST: &str = "DatabasePasswordLost";
    /// The first administrator's password is gone though the account may exist.
    pub const ADMIN_PASSWORD_LOST: &str = "AdminPasswordLost";
    /// A database is gone though there was one.
    pub const DATABASE_LOST: &str = "DatabaseLost";
    /// The NATS seeds are gone though there are streams.
    pub const NATS_SEEDS_LOST: &str = "NatsSeedsLost";
    /// A Secret that the resource names is missing or incomplete.
    pub const SECRET_MISSING: &str = "SecretMissing";
    /// A stored key or seed cannot be read.
    pub const SECRET_UNREADABLE: &str = "SecretUnreadable";
    /// An override matches no generated object, or breaks it.
    pub const OVERRIDE_REFUSED: &str = "OverrideRefused";
    /// The operator lacks a permission.
    pub const FORBIDDEN: &str = "Forbidden";
    /// The storage class does not let a volume grow.
    pub const RESIZE_REFUSED: &str = "ResizeRefused";
    /// The reconcile took too long.
    pub const TIMED_OUT: &str = "TimedOut";
    /// A pod cannot start, or ends again and again.
    pub const POD_FAILING: &str = "PodFailing";
    /// The Kubernetes API refused or failed.
    pub const API_ERROR: &str = "ApiError";
    /// The server does not answer yet, or no more.
    pub const UNREACHABLE: &str = "Unreachable";
    /// The server's pod is not ready.
    pub const STARTING: &str = "Starting";
    /// The server refused a statement.
    pub const REFUSED: &str = "Refused";
    /// Differences were found and are being repaired.
    pub const REPAIRING: &str = "Repairing";
    /// A stream or server has an immutable property that differs.
    pub const IMMUTABLE: &str = "ImmutableDiffers";
    /// Pods have not reported that they loaded the next key.
    pub const AWAITING_ADOPTION: &str = "AwaitingAdoption";
    /// A migration runs.
    pub const MIGRATING: &str = "Migrating";
    /// A migration failed; the old release keeps serving.
    pub const MIGRATION_FAILED: &str = "MigrationFailed";
    /// Pods are missing.
    pub const PODS_NOT_READY: &str = "PodsNotReady";
    /// A mail server, or whoever carries text messages, takes none.
    pub const PROVIDER_UNAVAILABLE: &str = "ProviderUnavailable";
    /// Nothing was declared for it.
    pub const NOT_DECLARED: &str = "NotDeclared";
    /// `spec.suspend` is set and nothing waits.
    pub const SUSPENDED: &str = "Suspended";
    /// `spec.suspend` is set and changes wait.
    pub const CHANGES_WAIT: &str = "ChangesWait";
    /// `spec.suspend` is not set.
    pub const NOT_SUSPENDED: &str = "NotSuspended";
    /// One server: a lost volume loses what is in it.
    pub const SINGLE_SERVER: &str = "SingleServer";
    /// Someone else's servers.
    pub const EXTERNAL: &str = "External";
    /// The running release is the operator's own.
    pub const UP_TO_DATE: &str = "UpToDate";
    /// The operator brings a newer release.
    pub const NEWER_RELEASE: &str = "NewerRelease";
    /// The platform is deleted, and something outside Kubernetes is still to be removed.
    pub const DELETING: &str = "Deleting";
    /// Not looked at, because something before it failed.
    pub const NOT_OBSERVED: &str = "NotObserved";
}
