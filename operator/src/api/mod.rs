//! The `ShopFlowPlatform` resource: types only, no client.

mod auth;
mod conditions;
mod gateway;
mod names;
mod nats;
mod notifications;
mod period;
mod platform;
mod postgres;
mod schema;
mod services;
mod status;

pub use auth::{
    Algorithm, Argon2id, Auth, Bcrypt, PasswordHash, PasswordPolicy, ServiceTokens, SigningKeys, Tokens,
};
pub use conditions::{ConditionType, Outcome, reason};
pub use gateway::{Connections, Cors, Gateway, RateLimits};
pub use names::{
    ANNOTATION_APPLIED, ANNOTATION_CONFIG, ANNOTATION_DROP_FAILING_SINCE, ANNOTATION_MOUNTED,
    ANNOTATION_RECREATE_DATABASES, ANNOTATION_RECREATE_KEYS, ANNOTATION_ROTATE_KEYS, FIELD_MANAGER, GROUP,
    LABEL_COMPONENT, LABEL_INSTANCE, LABEL_MANAGED_BY, LABEL_MANAGED_BY_VALUE, LABEL_NAME, LABEL_NAME_VALUE,
};
pub use nats::{ExternalNats, ManagedNats, Nats};
pub use notifications::{Email, EmailTls, LogOnly, Notifications, Sms, Smtp, Twilio};
pub use period::Period;
pub use platform::{
    Catalog, DeletionPolicy, Image, LogLevel, Observability, Orders, PullPolicy, ShopFlowPlatform,
    ShopFlowPlatformSpec,
};
pub use postgres::{
    DatabaseCredentials, ExternalPostgres, ManagedPostgres, Postgres, SecretName, Storage, TlsMode,
};
pub use services::{Amounts, Override, OverrideKind, Resources, ServiceOptions};
pub use status::{
    DatabaseStatus, Endpoints, KeyStatus, PlatformStatus, ServiceStatus, ServiceTokensStatus, StreamStatus,
};

#[cfg(test)]
mod tests;
