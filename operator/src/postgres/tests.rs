//! Plans, without a server.

use std::collections::BTreeSet;

use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};

use super::observe::{Database, Role};
use super::*;
use crate::api::DeletionPolicy;

const CANARY: &str = "canary-password";

fn now() -> Timestamp {
    "2026-02-17T10:30:00Z".parse().unwrap()
}

fn desired() -> Desired {
    Desired {
        mark: "shopflow default/shop".to_owned(),
        databases: vec![DatabaseSpec {
            service: "order".to_owned(),
            owner_password: SecretString::from(CANARY.to_owned()),
            logins: Logins {
                active: Slot::A,
                password: SecretString::from(CANARY.to_owned()),
                since: now(),
                previous_until: None,
            },
        }],
        existed: BTreeSet::new(),
    }
}

fn superuser() -> Observed {
    Observed { superuser: true, ..Observed::default() }
}

fn shown(plan: &Plan) -> Vec<String> {
    plan.statements.iter().map(|statement| format!("{statement:?}")).collect()
}

#[test]
fn an_empty_server_gets_roles_then_database_then_rights() {
    let plan = plan(&desired(), &superuser());
    assert_eq!(plan.conflicts, []);
    insta::assert_debug_snapshot!(shown(&plan));
}

#[test]
fn passwords_are_neither_shown_nor_sent() {
    let plan = plan(&desired(), &superuser());
    assert!(!format!("{plan:?}").contains(CANARY));
    for statement in &plan.statements {
        let sql = statement.sql();
        assert!(!sql.expose_secret().contains(CANARY));
        assert!(!statement.to_string().contains("SCRAM"), "{statement}");
    }
    let verifiers = plan
        .statements
        .iter()
        .filter(|statement| statement.sql().expose_secret().contains("SCRAM-SHA-256$4096:"));
    assert_eq!(verifiers.count(), 2, "the owner's and the login's");
    assert!(!format!("{:?}", desired()).contains(CANARY));
}

#[test]
fn an_ordinary_administrator_names_no_superuser_attributes_and_joins_the_owner() {
    let plan = plan(&desired(), &Observed::default());
    let shown = shown(&plan).join("\n");
    assert!(!shown.contains("NOSUPERUSER"), "{shown}");
    assert!(shown.contains(r#"GRANT "order_owner" TO CURRENT_USER"#));
}

#[test]
fn what_belongs_to_somebody_else_is_left_alone() {
    let mut observed = superuser();
    let foreign = Database { owner: "somebody".to_owned(), ..Database::default() };
    observed.databases.insert("order".to_owned(), foreign);
    let planned = plan(&desired(), &observed);
    assert!(planned.statements.is_empty(), "{:?}", planned.statements);
    assert_eq!(planned.conflicts.len(), 1);
    assert_eq!(
        planned.conflicts[0].to_string(),
        "DATABASE \"order\" exists and is not marked as this platform's; if it is, run: \
         COMMENT ON DATABASE \"order\" IS 'shopflow default/shop'"
    );

    let mut observed = superuser();
    observed.roles.insert("order_app".to_owned(), Role::default());
    let planned = plan(&desired(), &observed);
    assert!(planned.statements.is_empty());
    assert!(planned.conflicts[0].to_string().starts_with("ROLE \"order_app\" exists"));
}

#[test]
fn a_vanished_database_is_not_made_again_and_the_others_get_what_they_need() {
    let mut desired = desired();
    let other = DatabaseSpec { service: "auth".to_owned(), ..desired.databases[0].clone() };
    desired.databases.push(other);
    desired.existed.insert("order".to_owned());
    let planned = plan(&desired, &superuser());
    assert_eq!(planned.conflicts, [Conflict::Lost { database: "order".to_owned() }]);
    assert!(planned.conflicts[0].to_string().contains("shopflow.dev/recreate-databases"));
    let shown = shown(&planned).join("\n");
    assert!(!shown.contains("\"order"), "neither it nor its roles: {shown}");
    assert!(shown.contains("CREATE DATABASE \"auth\""), "{shown}");

    let mut observed = superuser();
    let found = Database { owner: "order_owner".to_owned(), ..Database::default() };
    observed.databases.insert("order".to_owned(), found);
    assert_eq!(plan(&desired, &observed).conflicts, [], "it is there");
}

#[test]
fn a_database_that_was_created_and_not_yet_marked_is_ours() {
    let mut observed = superuser();
    let unfinished = Database { owner: "order_owner".to_owned(), ..Database::default() };
    observed.databases.insert("order".to_owned(), unfinished);
    let planned = plan(&desired(), &observed);
    assert_eq!(planned.conflicts, []);
    let shown = shown(&planned).join("\n");
    assert!(shown.contains("COMMENT ON DATABASE"));
    assert!(!shown.contains("CREATE DATABASE"));
}

#[test]
fn a_service_whose_secrets_are_lost_is_left_out() {
    let desired = Desired::from_topology("mark", |_| None);
    assert!(plan(&desired, &superuser()).statements.is_empty());
}

#[test]
fn every_service_with_a_database_gets_one() {
    let desired = Desired::from_topology("mark", |_| {
        let logins = Logins::first(now()).unwrap();
        Some((logins::new_password().unwrap(), logins))
    });
    let names: Vec<_> = desired.databases.iter().map(DatabaseSpec::name).collect();
    let expected: Vec<_> =
        topology::SERVICES.iter().filter(|service| service.database).map(|service| service.name).collect();
    assert_eq!(names, expected);
}

#[test]
fn deletion_needs_the_policy_and_what_was_seen() {
    let nothing = Owned::default();
    assert!(deletion(DeletionPolicy::Delete, &nothing).is_empty(), "nothing was seen");
    let seen = Owned { databases: vec!["order".to_owned()], roles: vec!["order_owner".to_owned()] };
    assert!(deletion(DeletionPolicy::Retain, &seen).is_empty());
    let statements: Vec<String> =
        deletion(DeletionPolicy::Delete, &seen).iter().map(ToString::to_string).collect();
    assert_eq!(statements, ["DROP DATABASE \"order\" WITH (FORCE)", "DROP ROLE \"order_owner\""]);
}

#[test]
fn urls_hold_role_and_place() {
    let endpoint = Endpoint { host: "shop-postgres".to_owned(), port: 5432, sslmode: "disable".to_owned() };
    let url = endpoint.url("order", "order_a", &SecretString::from("p-_1".to_owned()));
    assert_eq!(url.expose_secret(), "postgres://order_a:p-_1@shop-postgres:5432/order?sslmode=disable");
}
