//! The section `notification`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use url::Url;

/// Which providers carry the messages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Notification {
    /// In whose name messages are sent.
    pub shop: Shop,
    /// Mail.
    pub email: Email,
    /// Text messages.
    pub sms: Sms,
}

/// In whose name messages are sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Shop {
    /// What the shop calls itself where the sender of mail has no name of its own.
    pub name: String,
    /// Address of the shop's pages, to which messages lead; without it they hold no link.
    pub url: Option<Url>,
}

impl Default for Shop {
    fn default() -> Self {
        Self { name: "ShopFlow".to_owned(), url: None }
    }
}

/// Who carries mail.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EmailProvider {
    /// Nobody: a log line stands for the mail.
    #[default]
    Log,
    /// Nobody: the whole mail is written to standard output. For development on one's own machine.
    Terminal,
    /// An SMTP server.
    Smtp,
}

/// How mail is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Email {
    /// Who carries mail.
    pub provider: EmailProvider,
    /// Sender of every mail, as `Name <address>`.
    pub from: String,
    /// Host of the SMTP server.
    pub host: String,
    /// Port of the SMTP server.
    pub port: u16,
    /// How the connection is protected.
    pub tls: Tls,
    /// Directory with the files `username` and `password`; none to send without authentication.
    pub credentials_dir: Option<PathBuf>,
}

impl Default for Email {
    fn default() -> Self {
        Self {
            provider: EmailProvider::Log,
            from: "ShopFlow <noreply@shopflow.example>".to_owned(),
            host: String::new(),
            port: 587,
            tls: Tls::Starttls,
            credentials_dir: None,
        }
    }
}

/// How a connection to a mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tls {
    /// Not at all.
    None,
    /// By upgrading a plain connection before anything is said (RFC 3207).
    Starttls,
    /// From the first byte (RFC 8314).
    Tls,
}

/// Who carries text messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SmsProvider {
    /// Nobody: a log line stands for the SMS.
    #[default]
    Log,
    /// Nobody: the whole SMS is written to standard output. For development on one's own machine.
    Terminal,
    /// Twilio, or what speaks its Messages API.
    Twilio,
}

/// How text messages are sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sms {
    /// Who carries text messages.
    pub provider: SmsProvider,
    /// Address of Twilio's API.
    pub base_url: String,
    /// Sender: a number in E.164 form, or a messaging service's SID.
    pub from: String,
    /// Directory with the files `account_sid` and `auth_token`.
    pub credentials_dir: Option<PathBuf>,
}

impl Default for Sms {
    fn default() -> Self {
        Self {
            provider: SmsProvider::Log,
            base_url: "https://api.twilio.com".to_owned(),
            from: String::new(),
            credentials_dir: None,
        }
    }
}
