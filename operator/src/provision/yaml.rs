//! The services' configuration files.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::Provision;

/// The service that signs tokens and knows the first administrator.
pub(super) const AUTH: &str = "auth";

/// `config.yaml` of a service; what is left out has the services' own defaults.
pub(super) fn service(
    provision: &Provision,
    service: &topology::Service,
    folder: &Path,
    nats: &str,
) -> String {
    let host = &provision.host;
    let services: Map<String, Value> = topology::SERVICES
        .iter()
        .map(|other| {
            let url = format!("http://{host}:{}", provision.port(other));
            (other.name.to_owned(), url.into())
        })
        .collect();
    let mut document = json!({
        "service": {
            "listen": format!("{host}:{}", provision.port(service)),
            // Any free port: the services share a machine, and maybe a process.
            "internal_listen": format!("{host}:0"),
            "instance": "local",
            "issuer": provision.issuer,
            "database_dir": folder.join("database"),
            "nats_url": nats,
            "nats_credentials": folder.join("nats/user.creds"),
            "nats_inbox_prefix": crate::messaging::inbox_prefix(service.name),
            "verification_keys": folder.join("verification-keys/jwks.json"),
            "tokens_dir": folder.join("tokens"),
            // Nobody routes requests to it, so nobody needs to be told before it stops.
            "drain_seconds": 0,
            "services": services,
        }
    });
    if service.name == AUTH {
        document[AUTH] = json!({
            "signing_keys": folder.join("signing-keys/keyring.json"),
            "admin_dir": folder.join("admin"),
        });
    }
    text(&document)
}

/// `config.yaml` of a service's migrations, which run as the owner of its database.
pub(super) fn migration(folder: &Path, service: &str) -> String {
    text(&json!({
        "service": { "instance": format!("{service}-migrate"), "database_dir": folder.join("database") }
    }))
}

fn text(document: &Value) -> String {
    // Strings, numbers and maps with text keys always serialise.
    serde_yaml::to_string(document).unwrap_or_default()
}
