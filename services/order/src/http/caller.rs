//! What a verified caller may reach.

use kit::auth::{Identity, Role, Subject};
use kit::problem::Problem;

use crate::app::Reach;
use crate::domain::Actor;

/// Who is recorded for what the caller does.
pub(super) fn actor(identity: &Identity) -> Actor {
    match &identity.subject {
        Subject::Service(name) => Actor::Service(name.clone()),
        Subject::User(id) if identity.is_admin() => Actor::Admin(*id),
        Subject::User(id) => Actor::Customer(*id),
    }
}

/// Everything for those roles, the caller's own orders for other people, 403 for other services.
pub(super) fn reach(identity: &Identity, all: &[Role]) -> Result<Reach, Problem> {
    if all.contains(&identity.role) { Ok(Reach::All) } else { identity.require_user().map(Reach::Own) }
}
