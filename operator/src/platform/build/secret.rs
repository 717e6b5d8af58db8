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
        memory::{DatabaseMemory, Memory, key},
        resolve::{Platform, PostgresServer},
    },
    postgres::{self, logins},
};

/// Secrets, in two groups: PostgreSQL must know a new password before its URL is written down.
pub(super) struct Secrets {
    pub(super) now: Vec<Secret>,
    pub(super) once_the_database_has_them: Vec<Secret>,
}

/// All Secrets of the platform.
pub(super) fn secrets(platform: &Platform, memory: &Memory, keys: &Keys) -> Secrets {
    let mut now = shared(platform, memory, keys);
    let mut later = Vec::new();
    for plan in &platform.services {
        let service = plan.service.name;
        let credentials = keys.credentials.get(service);
        let credentials = credentials.map(|text| (key::CREDENTIALS, text.clone()));
        now.push(secret(platform, &format!("{service}-nats"), service, Fate::Goes, credentials));
        let tokens = keys.tokens.get(service).into_iter().flatten();
        let tokens = tokens.map(|(audience, token)| (*audience, token.clone()));
        now.push(secret(platform, &format!("{service}-tokens"), service, Fate::Goes, tokens));
        if let Some(database) = memory.databases.get(service) {
            let [owner, app] = database_secrets(platform, service, database);
            now.push(owner);
            if database.unwritten { later.push(app) } else { now.push(app) }
        }
    }
    Secrets { now, once_the_database_has_them: later }
}

fn shared(platform: &Platform, memory: &Memory, keys: &Keys) -> Vec<Secret> {
    let keyring = [(key::KEYRING, keys.keyring.to_json())];
    let admin =
        [(key::EMAIL, memory.admin.email.clone().into()), (key::PASSWORD, memory.admin.password.clone())];
    let mut all = vec![
        secret(platform, "signing-keys", "auth", Fate::HoldsData, keyring),
        secret(platform, "admin", "auth", Fate::HoldsData, admin),
    ];
    if matches!(platform.postgres, PostgresServer::Managed { .. }) {
        let administrator = &memory.administrator;
        let values = [
            (key::USERNAME, administrator.username.clone().into()),
            (key::PASSWORD, administrator.password.clone()),
        ];
        all.push(secret(platform, "postgres", "postgres", Fate::HoldsData, values));
    }
    if let Identities::Managed { seeds, .. } = &memory.identities {
        // Strings and a time always serialise.
        let seeds = serde_json::to_string(seeds).unwrap_or_default();
        all.push(secret(platform, "nats", "nats", Fate::HoldsData, [(key::SEEDS, seeds.into())]));
    }
    if keys.keyring.jwks_is_secret() {
        let jwks = [(key::JWKS, keys.jwks.clone().into())];
        all.push(secret(platform, "verification-keys", "auth", Fate::Goes, jwks));
    }
    all
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
