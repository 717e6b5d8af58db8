//! From the settings of the file to the providers that carry the messages.

use std::net::IpAddr;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use lettre::message::Mailbox;
use url::Url;

pub use protocol::settings::{Email, EmailProvider, Notification as Config, Shop, Sms, SmsProvider, Tls};

use crate::domain::{self, Channel};
use crate::providers::{Log, Provider, Providers, Smtp, SmtpSettings, Terminal, Twilio, TwilioSettings};

/// The providers declared in `config`; the error names the key to correct.
pub(crate) fn providers(config: &Config) -> anyhow::Result<Providers> {
    Ok(Providers { email: email(&config.email)?, sms: sms(&config.sms)? })
}

/// The shop in whose name messages are sent: as the sender of mail calls it, so that the mail speaks of no other.
pub(crate) fn shop(config: &Config) -> anyhow::Result<domain::Shop> {
    let name = sender(&config.email)?.name.filter(|name| !name.trim().is_empty());
    let url = config.shop.url.clone();
    if url.as_ref().is_some_and(|url| !matches!(url.scheme(), "http" | "https")) {
        bail!("notification.shop.url must begin with https:// or http://");
    }
    Ok(domain::Shop { name: name.unwrap_or_else(|| config.shop.name.clone()), url })
}

fn sender(settings: &Email) -> anyhow::Result<Mailbox> {
    settings.from.parse().context("notification.email.from is not of the form `Name <address>`")
}

fn email(settings: &Email) -> anyhow::Result<Arc<dyn Provider>> {
    match settings.provider {
        EmailProvider::Log => return Ok(Arc::new(Log(Channel::Email))),
        EmailProvider::Terminal => return Ok(Arc::new(Terminal(Channel::Email))),
        EmailProvider::Smtp => {}
    }
    if settings.host.is_empty() {
        bail!("notification.email.host is empty; set it to the SMTP server's name");
    }
    if settings.tls == Tls::None && settings.credentials_dir.is_some() && !is_loopback(&settings.host) {
        bail!("notification.email.tls is none, which would send the password in clear; use starttls or tls");
    }
    let from = sender(settings)?;
    let smtp = Smtp::new(SmtpSettings {
        host: settings.host.clone(),
        port: settings.port,
        tls: settings.tls,
        from,
        credentials_dir: settings.credentials_dir.clone(),
    })
    .context("notification.email.host cannot be used for TLS")?;
    Ok(Arc::new(smtp))
}

fn sms(settings: &Sms) -> anyhow::Result<Arc<dyn Provider>> {
    match settings.provider {
        SmsProvider::Log => return Ok(Arc::new(Log(Channel::Sms))),
        SmsProvider::Terminal => return Ok(Arc::new(Terminal(Channel::Sms))),
        SmsProvider::Twilio => {}
    }
    if settings.from.is_empty() {
        bail!("notification.sms.from is empty; set it to a number or a messaging service's SID");
    }
    let credentials_dir =
        settings.credentials_dir.clone().context("notification.sms.credentials_dir is missing")?;
    let base_url: Url = settings.base_url.parse().context("notification.sms.base_url is not an address")?;
    let host = base_url.host_str().unwrap_or_default();
    if base_url.scheme() != "https" && !(base_url.scheme() == "http" && is_loopback(host)) {
        bail!("notification.sms.base_url must begin with https://, which keeps the credentials secret");
    }
    let twilio = Twilio::new(TwilioSettings { base_url, from: settings.from.clone(), credentials_dir })
        .context("the client of notification.sms cannot be made")?;
    Ok(Arc::new(twilio))
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
        providers(&config).err().or(shop(&config).err()).unwrap().to_string()
    }

    #[rstest]
    #[case("{email: {from: 'Lighthouse <post@shop.example>'}, shop: {name: north}}", "Lighthouse")]
    #[case("{email: {from: post@shop.example}, shop: {name: north}}", "north")]
    #[case("{}", "ShopFlow")]
    fn the_shop_is_called_as_the_sender_of_its_mail_is(#[case] yaml: &str, #[case] name: &str) {
        let config: Config = serde_yaml::from_str(yaml).unwrap();
        assert_eq!(shop(&config).unwrap().name, name);
    }

    #[test]
    fn an_empty_section_logs_everything() {
        let config: Config = serde_yaml::from_str("{}").unwrap();
        assert!(providers(&config).is_ok());
    }

    #[rstest]
    #[case("{email: {provider: smtp}}", "email.host")]
    #[case("{email: {provider: smtp, host: mail, from: nobody}}", "email.from")]
    #[case("{email: {provider: smtp, host: mail, tls: none, credentials_dir: /c}}", "email.tls")]
    #[case("{email: {from: nobody}}", "email.from")]
    #[case("{shop: {url: 'mailto:post@shop.example'}}", "shop.url")]
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
        providers(&serde_yaml::from_str(yaml).unwrap()).unwrap();
    }
}
