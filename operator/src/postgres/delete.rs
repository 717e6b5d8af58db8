//! Deletion, only when the resource asked for it.

use super::desired::Desired;
use super::observe::Observed;
use super::quote::identifier;
use super::server::Server;
use super::statement::Statement;
use crate::api::DeletionPolicy;

/// Drops the platform's databases and roles that were seen and carry its mark; nothing unless the policy is `Delete`.
pub fn deletion(policy: DeletionPolicy, desired: &Desired, observed: &Observed) -> Vec<Statement> {
    if policy != DeletionPolicy::Delete {
        return Vec::new();
    }
    let mark = Some(&desired.mark);
    let databases = desired
        .databases
        .iter()
        .filter(|spec| {
            let found = observed.databases.get(spec.name());
            found.is_some_and(|database| database.mark.as_ref() == mark)
        })
        // Pods may still be connected, or connecting.
        .map(|spec| format!("DROP DATABASE {} WITH (FORCE)", identifier(spec.name())));
    // Owner last: the others hold rights in what it owns.
    let roles = desired.roles().filter(|role| {
        let found = observed.roles.get(&role.name);
        found.is_some_and(|role| role.mark.as_ref() == mark)
    });
    let mut names: Vec<String> = roles.map(|role| role.name).collect();
    names.sort_by_key(|name| name.ends_with("_owner"));
    let roles = names.iter().map(|name| format!("DROP ROLE {}", identifier(name)));
    databases.chain(roles).map(Statement::server).collect()
}

impl Server {
    /// Closes the administrator's own connections to the platform's databases, before [`deletion`] is applied.
    pub async fn release(&self, desired: &Desired) {
        for spec in &desired.databases {
            self.forget(spec.name()).await;
        }
    }
}
