//! The HTTP API.

mod dead_letters;
mod notifications;

use std::sync::Arc;

use axum::extract::FromRef;
use kit::auth::Verifier;
use kit::database::Database;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::deliver::Notifier;

/// What handlers work with.
#[derive(Clone)]
pub(crate) struct State {
    pub(crate) verifier: Verifier,
    pub(crate) notifier: Arc<Notifier>,
}

impl State {
    fn database(&self) -> &Database {
        &self.notifier.database
    }
}

impl FromRef<State> for Verifier {
    fn from_ref(state: &State) -> Self {
        state.verifier.clone()
    }
}

/// Every route with its description.
pub(crate) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(notifications::list))
        .routes(routes!(notifications::list_of_user))
        .routes(routes!(notifications::find))
        .routes(routes!(dead_letters::list))
        .routes(routes!(dead_letters::redrive))
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
