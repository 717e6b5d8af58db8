//! The difference between desired and observed, as statements.

mod database;
mod role;

use super::desired::Desired;
use super::observe::Observed;
use super::statement::Statement;

/// What to execute, and what must not be touched.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// In order; empty when converged.
    pub statements: Vec<Statement>,
    /// Services that are left alone, and why.
    pub conflicts: Vec<Conflict>,
}

/// Why a service is left alone: only a person can settle it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// Something of that name is there and is not the platform's.
    #[error(
        "{object} exists and is not marked as this platform's; if it is, run: COMMENT ON {object} IS '{mark}'"
    )]
    Foreign {
        /// `ROLE "…"` or `DATABASE "…"`.
        object: String,
        /// The comment that would make it ours.
        mark: String,
    },
    /// The platform has had this database, and it is gone.
    #[error(
        "database {database} is gone, and its rows with it: restore it, or point the platform at the server that has it; only to begin with an empty one, set the annotation shopflow.dev/recreate-databases to a new value"
    )]
    Lost {
        /// Name of the database.
        database: String,
    },
}

/// Compares; a service with a conflict gets no statement at all, the others get theirs.
pub fn plan(desired: &Desired, observed: &Observed) -> Plan {
    let mut plan = Plan::default();
    for spec in &desired.databases {
        let conflicts = conflicts(desired, spec, observed);
        if conflicts.is_empty() {
            for role in spec.roles() {
                role::statements(&role, &desired.mark, observed, &mut plan.statements);
            }
            database::statements(desired, spec, observed, &mut plan.statements);
        }
        plan.conflicts.extend(conflicts);
    }
    plan
}

fn conflicts(desired: &Desired, spec: &super::DatabaseSpec, observed: &Observed) -> Vec<Conflict> {
    let foreign = |kind: &str, name: &str| Conflict::Foreign {
        object: format!("{kind} {}", super::quote::identifier(name)),
        mark: desired.mark.clone(),
    };
    let mut found = Vec::new();
    for role in spec.roles() {
        if let Some(existing) = observed.roles.get(&role.name)
            && existing.mark.as_ref() != Some(&desired.mark)
        {
            found.push(foreign("ROLE", &role.name));
        }
    }
    if let Some(existing) = observed.databases.get(spec.name()) {
        // A database cannot be created and marked in one transaction, but it is created with an owner that is ours.
        let ours = existing.mark.as_ref() == Some(&desired.mark)
            || (existing.mark.is_none() && existing.owner == spec.owner());
        if !ours {
            found.push(foreign("DATABASE", spec.name()));
        }
    } else if desired.existed.contains(spec.name()) {
        found.push(Conflict::Lost { database: spec.name().to_owned() });
    }
    found
}
