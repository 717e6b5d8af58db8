//! Statements for one role.

use std::fmt::Write as _;

use crate::postgres::desired::{Login, RoleSpec};
use crate::postgres::observe::{Observed, Role};
use crate::postgres::quote::{identifier, literal};
use crate::postgres::scram;
use crate::postgres::statement::Statement;

/// Attributes of every role; what a role may do is said by grants alone.
const ATTRIBUTES: &str = "NOCREATEDB NOCREATEROLE INHERIT CONNECTION LIMIT -1 VALID UNTIL 'infinity'";
/// Attributes that only a superuser may name, even to say no.
const SUPERUSER_ATTRIBUTES: &str = "NOSUPERUSER NOREPLICATION NOBYPASSRLS";

pub(super) fn statements(spec: &RoleSpec, mark: &str, observed: &Observed, statements: &mut Vec<Statement>) {
    let attributes = if observed.superuser {
        format!("{ATTRIBUTES} {SUPERUSER_ATTRIBUTES}")
    } else {
        ATTRIBUTES.to_owned()
    };
    match observed.roles.get(&spec.name) {
        None => statements.push(create(spec, mark, &attributes)),
        Some(role) => statements.extend(alter(spec, role, &attributes)),
    }
    let none = Role::default();
    let role = observed.roles.get(&spec.name).unwrap_or(&none);
    memberships(spec, role, statements);
}

/// Role and mark in one statement, hence in one transaction: a role is never there without the mark.
fn create(spec: &RoleSpec, mark: &str, attributes: &str) -> Statement {
    let name = identifier(&spec.name);
    let comment = format!("; COMMENT ON ROLE {name} IS {}", literal(mark));
    match &spec.login {
        Login::Password(password) => {
            Statement::server(format!("CREATE ROLE {name} LOGIN {attributes} PASSWORD "))
                .with_secret(scram::verifier(&spec.name, password), &comment)
        }
        Login::Locked | Login::Unchanged => {
            Statement::server(format!("CREATE ROLE {name} NOLOGIN {attributes}{comment}"))
        }
    }
}

fn alter(spec: &RoleSpec, role: &Role, attributes: &str) -> Option<Statement> {
    let name = identifier(&spec.name);
    let mut text = String::new();
    if role.unusual {
        // Writing to a String cannot fail.
        let _ = write!(text, " {attributes}");
    }
    match &spec.login {
        Login::Password(password) => {
            if !role.can_login {
                text.push_str(" LOGIN");
            }
            if role.password_matches != Some(true) {
                return Some(
                    Statement::server(format!("ALTER ROLE {name}{text} PASSWORD "))
                        .with_secret(scram::verifier(&spec.name, password), ""),
                );
            }
        }
        Login::Unchanged => {}
        Login::Locked => {
            if role.can_login {
                text.push_str(" NOLOGIN PASSWORD NULL");
            } else if role.has_password {
                text.push_str(" PASSWORD NULL");
            }
        }
    }
    (!text.is_empty()).then(|| Statement::server(format!("ALTER ROLE {name}{text}")))
}

fn memberships(spec: &RoleSpec, role: &Role, statements: &mut Vec<Statement>) {
    let name = identifier(&spec.name);
    if let Some(group) = &spec.member_of
        && !role.member_of.contains(group)
    {
        statements.push(Statement::server(format!("GRANT {} TO {name}", identifier(group))));
    }
    for extra in &role.member_of {
        if spec.member_of.as_ref() != Some(extra) {
            statements.push(Statement::server(format!("REVOKE {} FROM {name}", identifier(extra))));
        }
    }
}
