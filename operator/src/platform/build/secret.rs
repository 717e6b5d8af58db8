//! Secrets.

use std::collections::BTreeMap;

use k8s_openapi::{ByteString, api::core::v1::Secret};
use secrecy::{ExposeSecret as _, SecretString};

use super::meta::{Fate, meta};
use crate::{
    platform::{
        endpoints,
        identities::Identities,
        keys::Keys,
        kind::Kind,
        live::Live,
        memory::{DatabaseMemory, Memory, key},
        resolve::{Platform, PostgresServer},
    },
    postgres::{self, logins},
};

/// Secrets, in groups of what must come before what. One whose values are not known is left as it is.
#[derive(Default)]
pub(super) struct Secrets {
    /// The keys that verify, where they are a shared secret.
    pub(super) verification_keys: Option<Secret>,
    /// What signs, and what is signed by it: verifiers must have been told before.
    pub(super) signers: Vec<Secret>,
    /// Passwords, seeds and credentials.
    pub(super) now: Vec<Secret>,
    /// PostgreSQL must know a new password before its URL is written down.
    pub(super) once_the_database_has_them: Vec<Secret>,
}

/// The Secrets of signing keys, tokens and credentials.
pub(super) fn of_keys(platform: &Platform, keys: &Keys, live: &Live) -> Secrets {
    let keyring = [(key::KEYRING, keys.keyring.to_json())];
    let mut secrets = Secrets {
        verification_keys: verification_keys(platform, keys, live),
        signers: vec![secret(platform, "signing-keys", "auth", Fate::HoldsData, keyring)],
        ..Secrets::default()
    };
    for (service, tokens) in &keys.tokens {
        let tokens = tokens.iter().map(|(audience, token)| (*audience, token.clone()));
        secrets.signers.push(secret(platform, &format!("{service}-tokens"), service, Fate::Goes, tokens));
    }
    for (service, credentials) in &keys.credentials {
        let credentials = [(key::CREDENTIALS, credentials.clone())];
        secrets.now.push(secret(platform, &format!("{service}-nats"), service, Fate::Goes, credentials));
    }
    secrets
}

/// Pods still mount the Secret of a former HS256 keyring, which the operator may not delete: it never holds
/// another set than the present one.
fn verification_keys(platform: &Platform, keys: &Keys, live: &Live) -> Option<Secret> {
    const PART: &str = "verification-keys";
    let kept = live.raw(Kind::Secret, &platform.object_name(PART)).is_some();
    let jwks = [(key::JWKS, keys.jwks.clone().into())];
    (keys.keyring.jwks_is_secret() || kept).then(|| secret(platform, PART, "auth", Fate::Goes, jwks))
}

/// The Secrets of the servers, their databases and the first administrator.
pub(super) fn of_servers(platform: &Platform, memory: &Memory, secrets: &mut Secrets) {
    if let Some(admin) = &memory.admin {
        let values = [(key::EMAIL, admin.email.clone().into()), (key::PASSWORD, admin.password.clone())];
        secrets.now.push(secret(platform, "admin", "auth", Fate::HoldsData, values));
    }
    if let (PostgresServer::Managed { .. }, Some(administrator)) = (&platform.postgres, &memory.administrator)
    {
        let values = [
            (key::USERNAME, administrator.username.clone().into()),
            (key::PASSWORD, administrator.password.clone()),
        ];
        secrets.now.push(secret(platform, "postgres", "postgres", Fate::HoldsData, values));
    }
    if let Some(Identities::Managed { seeds, .. }) = &memory.identities {
        // Strings and a time always serialise.
        let seeds = serde_json::to_string(seeds).unwrap_or_default();
        secrets.now.push(secret(platform, "nats", "nats", Fate::HoldsData, [(key::SEEDS, seeds.into())]));
    }
    for (service, database) in &memory.databases {
        let [owner, app] = database_secrets(platform, service, database);
        secrets.now.push(owner);
        if database.unwritten {
            secrets.once_the_database_has_them.push(app);
        } else {
            secrets.now.push(app);
        }
    }
}

/// The URLs for migrations and for the running service.
fn database_secrets(platform: &Platform, service: &str, database: &DatabaseMemory) -> [Secret; 2] {
    let (host, port) = endpoints::postgres(platform);
    let sslmode = match &platform.postgres {
        PostgresServer::Managed { .. } => "disable",
        PostgresServer::External { tls, .. } => tls.sslmode(),
    };
    let endpoint = postgres::Endpoint { host, port, sslmode: sslmode.to_owned() };
    let logins::Logins { active, password, .. } = &database.logins;
    let owner = endpoint.url(service, &format!("{service}_owner"), &database.owner);
    let app = endpoint.url(service, &active.role(service), password);
    // Strings, times and slots always serialise.
    let logins = serde_json::to_string(&database.logins).unwrap_or_default();
    [
        secret(platform, &format!("{service}-owner"), service, Fate::HoldsData, [(key::URL, owner)]),
        secret(
            platform,
            &format!("{service}-database"),
            service,
            Fate::HoldsData,
            [(key::URL, app), (key::LOGINS, logins.into())],
        ),
    ]
}

fn secret(
    platform: &Platform,
    part: &str,
    component: &str,
    fate: Fate,
    values: impl IntoIterator<Item = (&'static str, SecretString)>,
) -> Secret {
    let data: BTreeMap<String, ByteString> = values
        .into_iter()
        .map(|(key, value)| (key.to_owned(), ByteString(value.expose_secret().as_bytes().to_vec())))
        .collect();
    Secret {
        metadata: meta(platform, platform.object_name(part), component, fate),
        data: Some(data),
        type_: Some("Opaque".to_owned()),
        ..Secret::default()
    }
}
