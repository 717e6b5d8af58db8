//! Statements for one database and what is in it.

use std::collections::BTreeSet;

use crate::postgres::desired::{DatabaseSpec, Desired};
use crate::postgres::logins::Slot;
use crate::postgres::observe::{Database, Observed, Privileges, Relation};
use crate::postgres::quote::{identifier, literal};
use crate::postgres::statement::Statement;

const DML: &[&str] = &["SELECT", "INSERT", "UPDATE", "DELETE"];
const APPEND: &[&str] = &["SELECT", "INSERT"];
const READ: &[&str] = &["SELECT"];
const SEQUENCE: &[&str] = &["SELECT", "USAGE"];

/// Start of the comment with which a migration says that rows of a table are never changed: a ledger, an audit trail.
const APPEND_ONLY: &str = "append-only";
/// sqlx's own record of migrations; a running service only looks at it.
const MIGRATIONS: &str = "_sqlx_migrations";

pub(super) fn statements(
    desired: &Desired,
    spec: &DatabaseSpec,
    observed: &Observed,
    statements: &mut Vec<Statement>,
) {
    let name = identifier(spec.name());
    let owner = identifier(&spec.owner());
    let existing = observed.databases.get(spec.name());

    let usable = observed.roles.get(&spec.owner()).is_some_and(|role| role.ours_to_use);
    if !observed.superuser && !usable {
        // Only a member may create things for the owner.
        statements.push(Statement::server(format!("GRANT {owner} TO CURRENT_USER")));
    }
    match existing {
        None => statements.push(Statement::server(format!("CREATE DATABASE {name} OWNER {owner}"))),
        Some(database) if database.owner != spec.owner() => {
            statements.push(Statement::server(format!("ALTER DATABASE {name} OWNER TO {owner}")));
        }
        Some(_) => {}
    }
    if existing.is_none_or(|database| database.mark.as_ref() != Some(&desired.mark)) {
        statements
            .push(Statement::server(format!("COMMENT ON DATABASE {name} IS {}", literal(&desired.mark))));
    }
    let fresh = fresh();
    let database = existing.unwrap_or(&fresh);
    connections(desired, spec, database, statements);
    schema(spec, database, statements);
    defaults(spec, database, statements);
    for relation in &database.relations {
        relation_rights(spec, relation, statements);
    }
}

/// A database just created: PostgreSQL lets everybody in.
fn fresh() -> Database {
    Database {
        privileges: [(None, "CONNECT".to_owned()), (None, "TEMPORARY".to_owned())].into(),
        schema: [(None, "USAGE".to_owned())].into(),
        ..Database::default()
    }
}

fn connections(desired: &Desired, spec: &DatabaseSpec, database: &Database, statements: &mut Vec<Statement>) {
    let name = identifier(spec.name());
    let object = format!("DATABASE {name}");
    let owner = spec.owner();
    // Other people's roles stay as they are; those of the platform's other services have no business here.
    let mut strangers: Vec<Option<String>> = vec![None];
    strangers.extend(
        desired
            .roles()
            .map(|role| Some(role.name))
            .filter(|role| *role != Some(owner.clone()) && *role != Some(spec.app())),
    );
    for stranger in strangers {
        if database.privileges.iter().any(|(role, _)| *role == stranger) {
            statements.push(Statement::server(format!(
                "REVOKE ALL ON {object} FROM {}",
                grantee(stranger.as_deref())
            )));
        }
    }
    let change = difference(&database.privileges, &spec.app(), &["CONNECT"]);
    statements.extend(change.render(&object, &spec.app()).into_iter().map(Statement::server));
}

fn schema(spec: &DatabaseSpec, database: &Database, statements: &mut Vec<Statement>) {
    exact(spec, "SCHEMA public", &database.schema, &["USAGE"], statements);
}

fn defaults(spec: &DatabaseSpec, database: &Database, statements: &mut Vec<Statement>) {
    let none = Privileges::new();
    for (kind, objects, wanted) in [("r", "TABLES", DML), ("S", "SEQUENCES", SEQUENCE)] {
        let found = database.defaults.get(kind).unwrap_or(&none);
        let prefix =
            format!("ALTER DEFAULT PRIVILEGES FOR ROLE {} IN SCHEMA public", identifier(&spec.owner()));
        let change = difference(found, &spec.app(), wanted);
        let texts = change.render(objects, &spec.app());
        statements.extend(
            texts.into_iter().map(|text| Statement::database(spec.name(), format!("{prefix} {text}"))),
        );
    }
}

fn relation_rights(spec: &DatabaseSpec, relation: &Relation, statements: &mut Vec<Statement>) {
    let append_only = relation.comment.as_ref().is_some_and(|comment| comment.starts_with(APPEND_ONLY));
    let (kind, wanted) = match relation.kind.as_str() {
        "S" => ("SEQUENCE", SEQUENCE),
        "v" | "m" => ("TABLE", READ),
        _ if relation.name == MIGRATIONS => ("TABLE", READ),
        _ if append_only => ("TABLE", APPEND),
        _ => ("TABLE", DML),
    };
    let object = format!("{kind} public.{}", identifier(&relation.name));
    exact(spec, &object, &relation.privileges, wanted, statements);
}

/// The app group has just these rights; `PUBLIC` and the logins themselves have none. Other people's roles stay.
fn exact(
    spec: &DatabaseSpec,
    object: &str,
    found: &Privileges,
    wanted: &[&str],
    statements: &mut Vec<Statement>,
) {
    let logins = Slot::ALL.map(|slot| Some(slot.role(&spec.service)));
    for stranger in [None].into_iter().chain(logins) {
        if found.iter().any(|(role, _)| *role == stranger) {
            statements.push(Statement::database(
                spec.name(),
                format!("REVOKE ALL ON {object} FROM {}", grantee(stranger.as_deref())),
            ));
        }
    }
    let change = difference(found, &spec.app(), wanted);
    statements.extend(
        change.render(object, &spec.app()).into_iter().map(|text| Statement::database(spec.name(), text)),
    );
}

struct Difference {
    missing: Vec<String>,
    extra: Vec<String>,
}

impl Difference {
    fn render(&self, object: &str, role: &str) -> Vec<String> {
        let role = identifier(role);
        let mut texts = Vec::new();
        if !self.missing.is_empty() {
            texts.push(format!("GRANT {} ON {object} TO {role}", self.missing.join(", ")));
        }
        if !self.extra.is_empty() {
            texts.push(format!("REVOKE {} ON {object} FROM {role}", self.extra.join(", ")));
        }
        texts
    }
}

fn difference(found: &Privileges, role: &str, wanted: &[&str]) -> Difference {
    let held: BTreeSet<&str> = found
        .iter()
        .filter(|(grantee, _)| grantee.as_deref() == Some(role))
        .map(|(_, privilege)| privilege.as_str())
        .collect();
    let missing = wanted.iter().filter(|privilege| !held.contains(**privilege));
    let extra = held.iter().filter(|privilege| !wanted.contains(privilege));
    Difference {
        missing: missing.map(|privilege| (*privilege).to_owned()).collect(),
        extra: extra.map(|privilege| (*privilege).to_owned()).collect(),
    }
}

fn grantee(role: Option<&str>) -> String {
    role.map_or_else(|| "PUBLIC".to_owned(), identifier)
}
