//! The HTTP API.

mod notifications;

use axum::extract::FromRef;
use kit::auth::Verifier;
use kit::database::Database;
use kit::dead_letters::{self, DeadLetters};
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// What handlers work with.
#[derive(Clone)]
pub(crate) struct State {
    pub(crate) verifier: Verifier,
    pub(crate) database: Database,
    pub(crate) dead_letters: DeadLetters,
}

impl FromRef<State> for Verifier {
    fn from_ref(state: &State) -> Self {
        state.verifier.clone()
    }
}

impl FromRef<State> for DeadLetters {
    fn from_ref(state: &State) -> Self {
        state.dead_letters.clone()
    }
}

/// Every route with its description.
pub(crate) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(notifications::list))
        .routes(routes!(notifications::list_of_user))
        .routes(routes!(notifications::find))
        .nest("/notifications", dead_letters::routes())
}

/// The description of every route.
pub(crate) fn openapi() -> OpenApi {
    let mut description = routes().into_openapi();
    "ShopFlow notifications".clone_into(&mut description.info.title);
    description.info.description = Some("What was sent to customers, and what could not be.".to_owned());
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
    description
        .components
        .get_or_insert_default()
        .add_security_scheme("bearer", SecurityScheme::Http(bearer));
    description
}
