//! The configuration file of each service: nothing secret.

use serde_json::{Map, Value, json};

use crate::{
    api::{Catalog, EmailTls, PasswordPolicy},
    platform::{
        endpoints,
        resolve::{EmailProvider, Hash, Platform, ServicePlan, SmsProvider},
    },
};

/// Where the files of a service are mounted.
pub(crate) mod paths {
    /// The configuration file.
    pub(crate) const CONFIG: &str = "/etc/shopflow/config.yaml";
    /// `url` of the database.
    pub(crate) const DATABASE: &str = "/etc/shopflow/database";
    /// `user.creds` for NATS.
    pub(crate) const NATS: &str = "/etc/shopflow/nats";
    /// `jwks.json`.
    pub(crate) const VERIFICATION_KEYS: &str = "/etc/shopflow/verification-keys";
    /// One token an audience.
    pub(crate) const TOKENS: &str = "/etc/shopflow/tokens";
    /// `keyring.json`, for auth alone.
    pub(crate) const SIGNING_KEYS: &str = "/etc/shopflow/signing-keys";
    /// `email` and `password` of the first administrator, for auth alone.
    pub(crate) const ADMIN: &str = "/etc/shopflow/admin";
    /// Credentials of the mail server, for notification alone.
    pub(crate) const SMTP: &str = "/etc/shopflow/smtp";
    /// Credentials of Twilio, for notification alone.
    pub(crate) const TWILIO: &str = "/etc/shopflow/twilio";
}

/// The text of `config.yaml`.
pub(crate) fn config(platform: &Platform, plan: &ServicePlan) -> String {
    let service = plan.service;
    let mut file = Map::new();
    file.insert("service".to_owned(), common(platform, service));
    if let Some(section) = section(platform, service.name) {
        file.insert(service.name.to_owned(), section);
    }
    // Maps, strings and numbers always serialise.
    serde_yaml::to_string(&Value::Object(file)).unwrap_or_default()
}

fn common(platform: &Platform, service: &topology::Service) -> Value {
    let mut common = json!({
        "listen": format!("[::]:{}", service.port),
        "log_level": platform.log_level.name(),
        "issuer": platform.issuer,
        "nats_url": endpoints::nats_url(platform),
        "nats_credentials": format!("{}/user.creds", paths::NATS),
        "nats_inbox_prefix": format!("_INBOX_{}", service.name),
        "verification_keys": format!("{}/jwks.json", paths::VERIFICATION_KEYS),
        "tokens_dir": paths::TOKENS,
    });
    if service.database {
        common["database_dir"] = paths::DATABASE.into();
    }
    if let Some(endpoint) = &platform.otlp_endpoint {
        common["otlp_endpoint"] = endpoint.as_str().into();
    }
    common
}

/// What a service understands beside what all do.
fn section(platform: &Platform, service: &str) -> Option<Value> {
    match service {
        "auth" => Some(auth(platform)),
        "order" => Some(json!({"catalog": match platform.catalog {
            Catalog::Required => "required",
            Catalog::Optional => "optional",
        }})),
        "notification" => Some(notification(platform)),
        _ => None,
    }
}

fn auth(platform: &Platform) -> Value {
    let auth = &platform.auth;
    let hash = match auth.hash {
        Hash::Argon2id { memory_kib, iterations, parallelism } => json!({
            "algorithm": "argon2id", "memory_kib": memory_kib, "iterations": iterations, "parallelism": parallelism,
        }),
        Hash::Bcrypt { cost } => json!({"algorithm": "bcrypt", "cost": cost}),
    };
    json!({
        "signing_keys": format!("{}/keyring.json", paths::SIGNING_KEYS),
        "access_ttl_seconds": auth.access_ttl.as_secs(),
        "refresh_ttl_seconds": auth.refresh_ttl.as_secs(),
        "password_hash": hash,
        "password_policy": match auth.password_policy {
            PasswordPolicy::Composition => "composition",
            PasswordPolicy::Length => "length",
        },
        "admin_dir": paths::ADMIN,
    })
}

fn notification(platform: &Platform) -> Value {
    let settings = &platform.notifications;
    let email = match &settings.email {
        EmailProvider::Log => json!({"provider": "log", "from": settings.from}),
        EmailProvider::Smtp { host, port, tls, secret } => {
            let mut email = json!({
                "provider": "smtp", "from": settings.from, "host": host, "port": port,
                "tls": match tls {
                    EmailTls::None => "none",
                    EmailTls::StartTls => "starttls",
                    EmailTls::Tls => "tls",
                },
            });
            if secret.is_some() {
                email["credentials_dir"] = paths::SMTP.into();
            }
            email
        }
    };
    let sms = match &settings.sms {
        SmsProvider::Log => json!({"provider": "log"}),
        SmsProvider::Twilio { from, base_url, .. } => json!({
            "provider": "twilio", "base_url": base_url, "from": from, "credentials_dir": paths::TWILIO,
        }),
    };
    json!({"email": email, "sms": sms})
}
