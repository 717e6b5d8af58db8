//! The HTTP API.

mod access;
mod notifications;

use axum::extract::FromRef;
use kit::database::Database;
use kit::dead_letters::{self, DeadLetters};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) use access::access;

/// What handlers work with.
#[derive(Clone)]
pub struct State {
    pub(crate) database: Database,
    pub(crate) dead_letters: DeadLetters,
}

impl FromRef<State> for Database {
    fn from_ref(state: &State) -> Self {
        state.database.clone()
    }
}

impl FromRef<State> for DeadLetters {
    fn from_ref(state: &State) -> Self {
        state.dead_letters.clone()
    }
}

/// Every route with its description.
pub(crate) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::default()
        .routes(routes!(notifications::list))
        .routes(routes!(notifications::list_of_user))
        .routes(routes!(notifications::find))
        .nest("/notifications", dead_letters::routes())
}
