//! How notifications leave the platform.

use protocol::settings::{self, Sms};

use super::Invalid;
use crate::api::{EmailTls, Notifications};

/// How notifications leave the platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotificationSettings {
    /// Sender of e-mail.
    pub from: String,
    /// How e-mail leaves.
    pub email: EmailProvider,
    /// How text messages leave.
    pub sms: SmsProvider,
}

impl NotificationSettings {
    /// The Secrets of providers, each with the keys that must be in it.
    pub fn credentials(&self) -> impl Iterator<Item = (&str, [&'static str; 2])> {
        let email = match &self.email {
            EmailProvider::Smtp { secret: Some(secret), .. } => {
                Some((secret.as_str(), ["username", "password"]))
            }
            EmailProvider::Smtp { secret: None, .. } | EmailProvider::Log => None,
        };
        let sms = match &self.sms {
            SmsProvider::Twilio { secret, .. } => Some((secret.as_str(), ["account_sid", "auth_token"])),
            SmsProvider::Log => None,
        };
        email.into_iter().chain(sms)
    }
}

/// How e-mail leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EmailProvider {
    /// It does not.
    Log,
    /// By a mail server.
    Smtp {
        /// Host name.
        host: String,
        /// Port.
        port: u16,
        /// Protection of the connection.
        tls: EmailTls,
        /// Secret with `username` and `password`.
        secret: Option<String>,
    },
}

/// How text messages leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SmsProvider {
    /// They do not.
    Log,
    /// By Twilio.
    Twilio {
        /// Number that messages come from.
        from: String,
        /// Base URL.
        base_url: String,
        /// Secret with `account_sid` and `auth_token`.
        secret: String,
    },
}

pub(super) fn resolve(spec: Option<&Notifications>) -> Result<NotificationSettings, Invalid> {
    let spec = spec.cloned().unwrap_or_default();
    let default = settings::Email::default();
    let from = spec.email.as_ref().and_then(|email| email.from.clone()).unwrap_or(default.from);
    let email = match spec.email.map(|email| (email.log, email.smtp)) {
        None | Some((Some(_), None)) => EmailProvider::Log,
        Some((Some(_), Some(_))) => return Err(Invalid::Both("notifications.email")),
        Some((None, None)) => return Err(Invalid::Neither("notifications.email")),
        Some((None, Some(smtp))) => EmailProvider::Smtp {
            host: smtp.host,
            port: smtp.port.unwrap_or(default.port),
            tls: smtp.tls.unwrap_or_default(),
            secret: smtp.credentials_secret.map(|secret| secret.name),
        },
    };
    let sms = match spec.sms.map(|sms| (sms.log, sms.twilio)) {
        None | Some((Some(_), None)) => SmsProvider::Log,
        Some((Some(_), Some(_))) => return Err(Invalid::Both("notifications.sms")),
        Some((None, None)) => return Err(Invalid::Neither("notifications.sms")),
        Some((None, Some(twilio))) => SmsProvider::Twilio {
            from: twilio.from,
            base_url: twilio.base_url.unwrap_or_else(|| Sms::default().base_url),
            secret: twilio.credentials_secret.name,
        },
    };
    Ok(NotificationSettings { from, email, sms })
}
