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

/// Something of that name is there and belongs to somebody else.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{object} exists and is not marked as this platform's; if it is, run: COMMENT ON {object} IS '{mark}'"
)]
pub struct Conflict {
    /// The service that cannot be served.
    pub service: String,
    /// `ROLE "…"` or `DATABASE "…"`.
    pub object: String,
    /// The comment that would make it ours.
    pub mark: String,
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
    let foreign = |kind: &str, name: &str| Conflict {
        service: spec.service.clone(),
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
    }
    found
}
