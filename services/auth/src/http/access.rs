//! Who may use which route.

use Who::{Admin, Anyone, Owner, Service};
use kit::access::{Access, Rule, Who};

#[rustfmt::skip]
static RULES: &[Rule] = &[
    Rule::new("POST /auth/register", &[Anyone]).also_at(REGISTER),
    Rule::new("POST /auth/login", &[Anyone]).also_at(LOGIN),
    Rule::new("POST /auth/token", &[Anyone]),
    Rule::new("POST /auth/refresh", &[Anyone]),
    Rule::new("POST /auth/validate", &[Anyone]).also_at(VALIDATE),
    Rule::new("POST /auth/logout", &[Owner]),
    Rule::new("GET /auth/sessions", &[Owner]),
    Rule::new("DELETE /auth/sessions/{id}", &[Owner]).hidden(),
    Rule::new("GET /auth/users", &[Admin]),
    Rule::new("GET /auth/users/{id}", &[Owner, Admin, Service]).owned_by("id").also_at(USER),
    Rule::new("PATCH /auth/users/{id}/role", &[Admin]),
    Rule::new("PATCH /auth/users/{id}/active", &[Admin]),
    Rule::new("GET /.well-known/jwks.json", &[Anyone]),
    Rule::new("GET /.well-known/openid-configuration", &[Anyone]),
    Rule::new("GET /internal/revocations", &[Service]),
];

// The names that older clients give to routes; not described twice.
pub(super) const REGISTER: &[&str] = &["/users/register", "/register", "/api/users/register"];
pub(super) const LOGIN: &[&str] = &["/users/login", "/login", "/api/users/login"];
pub(super) const VALIDATE: &[&str] = &["/validate-token"];
pub(super) const USER: &[&str] = &["/users/{id}", "/api/users/{id}"];

/// The table.
pub(crate) fn access() -> Access {
    Access::new(RULES)
}
