//! Who may use which route.

use Who::{Admin, Owner};
use kit::access::{Access, Rule, Who};

#[rustfmt::skip]
static RULES: &[Rule] = &[
    Rule::new("GET /notifications", &[Owner, Admin]),
    Rule::new("GET /notifications/user/{user_id}", &[Owner, Admin]).owned_by("user_id").hidden(),
    Rule::new("GET /notifications/{id}", &[Owner, Admin]).hidden(),
    Rule::new("GET /notifications/dead-letters", &[Admin]),
    Rule::new("GET /notifications/dead-letters/causes", &[Admin]),
    Rule::new("GET /notifications/dead-letters/{id}", &[Admin]),
    Rule::new("POST /notifications/dead-letters/redrive", &[Admin]),
    Rule::new("POST /notifications/dead-letters/discard", &[Admin]),
    Rule::new("POST /notifications/dead-letters/{id}/redrive", &[Admin]),
    Rule::new("POST /notifications/dead-letters/{id}/discard", &[Admin]),
];

/// The table.
pub(crate) fn access() -> Access {
    Access::new(RULES)
}
