//! Deletion, only when the resource asked for it.

use super::desired::roles_of;
use super::quote::identifier;
use super::server::Server;
use super::statement::Statement;
use crate::api::DeletionPolicy;

/// The databases and roles of a server that carry a platform's mark.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Owned {
    pub(super) databases: Vec<String>,
    /// The owner of a database comes after the roles that hold rights in it.
    pub(super) roles: Vec<String>,
}

/// Asks the server what carries the mark. Names that no service has are left out, whatever their mark.
pub async fn owned(server: &Server, mark: &str) -> Result<Owned, sqlx::Error> {
    let admin = server.admin();
    // Between its creation and its mark, a database is known by its owner.
    let marked_databases: Vec<String> = sqlx::query_scalar(
        "SELECT datname::text FROM pg_database
          WHERE coalesce(shobj_description(oid, 'pg_database'), shobj_description(datdba, 'pg_authid')) = $1",
    )
    .bind(mark)
    .fetch_all(&admin)
    .await?;
    let marked_roles: Vec<String> = sqlx::query_scalar(
        "SELECT rolname::text FROM pg_roles WHERE shobj_description(oid, 'pg_authid') = $1",
    )
    .bind(mark)
    .fetch_all(&admin)
    .await?;
    let services = || topology::SERVICES.iter().filter(|service| service.database);
    let databases = services().map(|service| service.name.to_owned());
    let roles = services().flat_map(|service| roles_of(service.name));
    Ok(Owned {
        databases: databases.filter(|name| marked_databases.contains(name)).collect(),
        roles: roles.filter(|name| marked_roles.contains(name)).collect(),
    })
}

/// Drops what carries the platform's mark; nothing unless the policy is `Delete`.
pub fn deletion(policy: DeletionPolicy, owned: &Owned) -> Vec<Statement> {
    if policy != DeletionPolicy::Delete {
        return Vec::new();
    }
    // Pods may still be connected, or connecting.
    let databases =
        owned.databases.iter().map(|name| format!("DROP DATABASE {} WITH (FORCE)", identifier(name)));
    let roles = owned.roles.iter().map(|name| format!("DROP ROLE {}", identifier(name)));
    databases.chain(roles).map(Statement::server).collect()
}
