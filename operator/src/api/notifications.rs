//! How notifications leave the platform.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{SecretName, schema};

/// How notifications leave the platform: to the log when absent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Notifications {
    /// E-mail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<Email>,
    /// Text messages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sms: Option<Sms>,
}

/// E-mail: exactly one of the members.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = schema::rules([(
    "has(self.log) != has(self.smtp)",
    "choose exactly one of email.log and email.smtp",
)])))]
pub struct Email {
    /// Only a line in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<LogOnly>,
    /// A mail server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smtp: Option<Smtp>,
    /// Sender; `ShopFlow <noreply@shopflow.example>` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 3, max = 320))]
    pub from: Option<String>,
}

/// Messages are written to the log and sent to nobody.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LogOnly {}

/// A mail server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = schema::rules([(
    "!(has(self.tls) && self.tls == 'None' && has(self.credentialsSecret))",
    "tls: None would send the password in clear text: use StartTls or Tls, or leave credentialsSecret out",
)])))]
pub struct Smtp {
    /// Host name.
    #[schemars(length(min = 1, max = 253))]
    pub host: String,
    /// Port; 587 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<u16>,
    /// Protection of the connection; `StartTls` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<EmailTls>,
    /// Secret with the keys `username` and `password`; without it the server is used without sign-in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials_secret: Option<SecretName>,
}

/// Protection of a connection to a mail server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum EmailTls {
    /// Plain text.
    None,
    /// Plain at first, encrypted before anything is said.
    #[default]
    StartTls,
    /// Encrypted from the first byte.
    Tls,
}

impl From<EmailTls> for protocol::settings::Tls {
    fn from(tls: EmailTls) -> Self {
        match tls {
            EmailTls::None => Self::None,
            EmailTls::StartTls => Self::Starttls,
            EmailTls::Tls => Self::Tls,
        }
    }
}

/// Text messages: exactly one of the members.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = schema::rules([(
    "has(self.log) != has(self.twilio)",
    "choose exactly one of sms.log and sms.twilio",
)])))]
pub struct Sms {
    /// Only a line in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<LogOnly>,
    /// Twilio.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub twilio: Option<Twilio>,
}

/// Twilio's message API.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Twilio {
    /// Number that messages come from.
    #[schemars(length(min = 1, max = 32))]
    pub from: String,
    /// Base URL; Twilio's own when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512), regex(pattern = "^https?://"))]
    pub base_url: Option<String>,
    /// Secret with the keys `account_sid` and `auth_token`.
    pub credentials_secret: SecretName,
}
