//! The section `notification` of the service's configuration.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use lettre::message::Mailbox;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::domain::Channel;
use crate::providers::{Log, Provider, Providers, Smtp, SmtpSettings, Tls, Twilio, TwilioSettings};

/// Which providers carry the messages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Mail.
    pub email: Email,
    /// Text messages.
    pub sms: Sms,
}

/// Who carries mail.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EmailProvider {
    /// Nobody: a log line stands for the mail.
    #[default]
    Log,
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

/// Who carries text messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SmsProvider {
    /// Nobody: a log line stands for the SMS.
    #[default]
    Log,
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

impl Config {
    /// The providers declared here; the error names the key to put right.
    pub(crate) fn providers(&self) -> anyhow::Result<Providers> {
        Ok(Providers { email: self.email.provider()?, sms: self.sms.provider()? })
    }
}

impl Email {
    fn provider(&self) -> anyhow::Result<Arc<dyn Provider>> {
        if self.provider == EmailProvider::Log {
            return Ok(Arc::new(Log(Channel::Email)));
        }
        if self.host.is_empty() {
            bail!("notification.email.host is empty; set it to the SMTP server's name");
        }
        if self.tls == Tls::None && self.credentials_dir.is_some() && !is_loopback(&self.host) {
            bail!(
                "notification.email.tls is none, which would send the password in clear; use starttls or tls"
            );
        }
        let from: Mailbox =
            self.from.parse().context("notification.email.from is not of the form `Name <address>`")?;
        let smtp = Smtp::new(SmtpSettings {
            host: self.host.clone(),
            port: self.port,
            tls: self.tls,
            from,
            credentials_dir: self.credentials_dir.clone(),
        })
        .context("notification.email.host cannot be used for TLS")?;
        Ok(Arc::new(smtp))
    }
}

impl Sms {
    fn provider(&self) -> anyhow::Result<Arc<dyn Provider>> {
        if self.provider == SmsProvider::Log {
            return Ok(Arc::new(Log(Channel::Sms)));
        }
        if self.from.is_empty() {
            bail!("notification.sms.from is empty; set it to a number or a messaging service's SID");
        }
        let credentials_dir =
            self.credentials_dir.clone().context("notification.sms.credentials_dir is missing")?;
        let base_url: Url = self.base_url.parse().context("notification.sms.base_url is not an address")?;
        let host = base_url.host_str().unwrap_or_default();
        if base_url.scheme() != "https" && !(base_url.scheme() == "http" && is_loopback(host)) {
            bail!("notification.sms.base_url must begin with https://, which keeps the credentials secret");
        }
        let twilio = Twilio::new(TwilioSettings { base_url, from: self.from.clone(), credentials_dir })
            .context("the client of notification.sms cannot be made")?;
        Ok(Arc::new(twilio))
    }
}

/// A password may travel in clear to this machine itself, and nowhere else.
fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn refusal(yaml: &str) -> String {
        let config: Config = serde_yaml::from_str(yaml).unwrap();
        config.providers().err().unwrap().to_string()
    }

    #[test]
    fn an_empty_section_logs_everything() {
        let config: Config = serde_yaml::from_str("{}").unwrap();
        assert_eq!(config, Config::default());
        assert!(config.providers().is_ok());
    }

    #[test]
    fn unknown_keys_are_refused() {
        for yaml in ["{mail: {}}", "{email: {colour: blue}}", "{sms: {provider: pigeon}}"] {
            assert!(serde_yaml::from_str::<Config>(yaml).is_err(), "{yaml}");
        }
    }

    #[rstest]
    #[case("{email: {provider: smtp}}", "email.host")]
    #[case("{email: {provider: smtp, host: mail, from: nobody}}", "email.from")]
    #[case("{email: {provider: smtp, host: mail, tls: none, credentials_dir: /c}}", "email.tls")]
    #[case("{sms: {provider: twilio}}", "sms.from")]
    #[case("{sms: {provider: twilio, from: '+1'}}", "sms.credentials_dir")]
    #[case(
        "{sms: {provider: twilio, from: '+1', credentials_dir: /c, base_url: 'http://example.com'}}",
        "sms.base_url"
    )]
    #[case("{sms: {provider: twilio, from: '+1', credentials_dir: /c, base_url: twilio}}", "sms.base_url")]
    fn what_cannot_work_is_refused_by_its_key(#[case] yaml: &str, #[case] key: &str) {
        let refusal = refusal(yaml);
        assert!(refusal.contains(&format!("notification.{key}")), "{refusal}");
    }

    #[rstest]
    #[case("{email: {provider: smtp, host: mail.example.com, credentials_dir: /c}}")]
    #[case("{email: {provider: smtp, host: relay, tls: none}}")]
    #[case("{email: {provider: smtp, host: localhost, tls: none, credentials_dir: /c}}")]
    #[case("{sms: {provider: twilio, from: MG1, credentials_dir: /c}}")]
    #[case("{sms: {provider: twilio, from: '+1', credentials_dir: /c, base_url: 'http://[::1]:8080'}}")]
    fn what_can_work_is_accepted(#[case] yaml: &str) {
        serde_yaml::from_str::<Config>(yaml).unwrap().providers().unwrap();
    }
}
