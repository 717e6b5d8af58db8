//! The configuration file of each service: nothing secret.

use protocol::{
    paths::{Mount, Paths},
    settings::{self, Auth, Email, Notification, Order, Section, Service, Shop, Sms},
};

use crate::{
    api::Period,
    platform::{
        endpoints,
        resolve::{EmailProvider, Platform, ServicePlan, SmsProvider},
    },
};

/// The text of `config.yaml`.
pub(crate) fn config(platform: &Platform, plan: &ServicePlan) -> String {
    let paths = Paths::mounted();
    let name = plan.service.name;
    let defaults = Service::at(name, &paths);
    let (total, per_client) = client_connections(platform, name);
    let shared = Service {
        max_client_connections: total.unwrap_or(defaults.max_client_connections),
        max_connections_per_client: per_client.unwrap_or(defaults.max_connections_per_client),
        max_body_bytes: platform.gateway.max_body_bytes,
        log_level: platform.log_level.name().to_owned(),
        issuer: platform.issuer.clone(),
        nats_url: endpoints::nats_url(platform),
        otlp_endpoint: platform.otlp_endpoint.clone(),
        ..defaults
    };
    settings::render(name, &shared, section(platform, name, &paths).as_ref())
}

/// Declared for the public edge alone: in all, and for one client.
fn client_connections(platform: &Platform, service: &str) -> (Option<usize>, Option<usize>) {
    match service {
        "gateway" => (platform.gateway.connections, platform.gateway.connections_per_client),
        _ => (None, None),
    }
}

/// What a service understands beside what all do.
fn section(platform: &Platform, service: &str, paths: &Paths) -> Option<Section> {
    Some(match service {
        "gateway" => Section::Gateway(platform.gateway.section.clone()),
        "auth" => Section::Auth(auth(platform, paths)),
        "order" => Section::Order(Order { catalog: platform.catalog.into() }),
        "notification" => Section::Notification(notification(platform, paths)),
        _ => return None,
    })
}

fn auth(platform: &Platform, paths: &Paths) -> Auth {
    let auth = &platform.auth;
    Auth {
        access_ttl_seconds: seconds(auth.access_ttl),
        refresh_ttl_seconds: seconds(auth.refresh_ttl),
        password_hash: auth.hash,
        password_policy: auth.password_policy.into(),
        ..Auth::at(paths)
    }
}

fn seconds(period: Period) -> u32 {
    // The schema allows a year; 32 bits hold a century.
    period.as_secs().try_into().unwrap_or(u32::MAX)
}

fn notification(platform: &Platform, paths: &Paths) -> Notification {
    let declared = &platform.notifications;
    let email = Email { from: declared.from.clone(), ..Email::default() };
    let email = match &declared.email {
        EmailProvider::Log => email,
        EmailProvider::Smtp { host, port, tls, secret } => Email {
            provider: settings::EmailProvider::Smtp,
            host: host.clone(),
            port: *port,
            tls: (*tls).into(),
            credentials_dir: secret.as_ref().map(|_| paths.mount(Mount::Smtp)),
            ..email
        },
    };
    let sms = match &declared.sms {
        SmsProvider::Log => Sms::default(),
        SmsProvider::Twilio { from, base_url, .. } => Sms {
            provider: settings::SmsProvider::Twilio,
            base_url: base_url.clone(),
            from: from.clone(),
            credentials_dir: Some(paths.mount(Mount::Twilio)),
        },
    };
    // The pages are the storefront's, which a platform does not have yet.
    let shop = Shop { name: platform.name.clone(), url: None };
    Notification { shop, email, sms }
}
