//! From the settings of the file to what the service works with.

use chrono::Duration;

pub use protocol::settings::{Auth as Config, PasswordHash, PasswordPolicy};

use crate::app::Settings;
use crate::domain::password::Policy;

/// What the use cases know of the configuration. `issuer` is the `iss` of the tokens.
pub(crate) fn settings(issuer: &str, config: &Config) -> Settings {
    Settings {
        issuer: issuer.to_owned(),
        access_ttl: Duration::seconds(config.access_ttl_seconds.into()),
        refresh_ttl: Duration::seconds(config.refresh_ttl_seconds.into()),
        password_policy: config.password_policy.into(),
    }
}

impl From<PasswordPolicy> for Policy {
    fn from(policy: PasswordPolicy) -> Self {
        match policy {
            PasswordPolicy::Composition => Self::Composition,
            PasswordPolicy::Length => Self::Length,
        }
    }
}
