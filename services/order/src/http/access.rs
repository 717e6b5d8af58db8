//! Who may use which route.

use kit::access::{Access, Caller, Rule, Who};
use kit::auth::Subject;

use crate::domain::Actor;
use Who::{Admin, Owner, Service};

#[rustfmt::skip]
static RULES: &[Rule] = &[
    Rule::new("POST /orders", &[Owner, Admin, Service]).also_at(COLLECTION),
    Rule::new("GET /orders", &[Owner, Admin]).also_at(COLLECTION),
    Rule::new("GET /orders/user/{user_id}", &[Owner, Admin, Service]).owned_by("user_id"),
    Rule::new("GET /orders/{id}", &[Owner, Admin, Service]),
    // Only the customer: not even an admin redirects another's parcel.
    Rule::new("PUT /orders/{id}", &[Owner]),
    Rule::new("DELETE /orders/{id}", &[Owner, Admin]),
    Rule::new("POST /orders/{id}/cancel", &[Owner, Admin]),
    Rule::new("GET /orders/{id}/status", &[Owner, Admin]),
    Rule::new("PATCH /orders/{id}/status", &[Admin]),
    Rule::new("PUT /orders/{id}/status", &[Admin]),
    Rule::new("GET /orders/{id}/history", &[Owner, Admin]),
];

/// The names under which older clients know the collection; not described twice.
pub(super) const COLLECTION: &[&str] = &["/api/orders", "/api/v1/orders"];

/// The table.
pub(crate) fn access() -> Access {
    Access::new(RULES)
}

/// Who is recorded for what the caller does.
pub(super) fn actor(caller: &Caller) -> Actor {
    let identity = caller.identity();
    match &identity.subject {
        Subject::Service(name) => Actor::Service(name.clone()),
        Subject::User(id) if identity.is_admin() => Actor::Admin(*id),
        Subject::User(id) => Actor::Customer(*id),
    }
}
