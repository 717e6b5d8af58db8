//! The HTTP API.

mod access;
mod notifications;

use axum::Router;
use axum::extract::FromRef;
use kit::database::Database;
use kit::dead_letters::{self, DeadLetters};
use kit::openapi::Summary;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) use access::access;

/// What the description says of the service.
const SUMMARY: Summary = Summary {
    title: "ShopFlow notifications",
    description: "What was sent to customers, and what could not be",
};

/// What handlers work with.
#[derive(Clone)]
pub(crate) struct State {
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
fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::default()
        .routes(routes!(notifications::list))
        .routes(routes!(notifications::list_of_user))
        .routes(routes!(notifications::find))
        .nest("/notifications", dead_letters::routes())
}

/// Every route.
pub(crate) fn router() -> Router<State> {
    routes().into()
}

/// The description of every route.
pub(crate) fn openapi() -> OpenApi {
    kit::openapi::complete(routes().into_openapi(), SUMMARY, &access())
}
