//! The HTTP API. A handler is: extractors, who may, one use case, the answer.

mod amend;
mod body;
mod caller;
mod cancel;
mod get;
mod history;
mod list;
mod place;
mod problem;
mod status;

use axum::extract::FromRef;
use axum::routing::get;
use kit::auth::Verifier;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::Orders;

/// What every handler may ask for.
#[derive(Clone)]
pub(crate) struct AppState {
    /// The use cases.
    pub(crate) orders: Orders,
    /// Checks tokens.
    pub(crate) verifier: Verifier,
}

impl FromRef<AppState> for Orders {
    fn from_ref(state: &AppState) -> Self {
        state.orders.clone()
    }
}

impl FromRef<AppState> for Verifier {
    fn from_ref(state: &AppState) -> Self {
        state.verifier.clone()
    }
}

#[derive(OpenApi)]
#[openapi(
    info(title = "ShopFlow orders", description = "Orders and their state machine"),
    modifiers(&BearerToken)
)]
struct Document;

/// Access tokens and service tokens travel alike.
struct BearerToken;

impl utoipa::Modify for BearerToken {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
        document
            .components
            .get_or_insert_default()
            .add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

/// Every route with its description.
pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(place::place, list::list))
        .routes(routes!(get::get, amend::amend, cancel::delete))
        .routes(routes!(list::list_of_user))
        .routes(routes!(status::get, status::patch, status::put))
        .routes(routes!(history::history))
        .routes(routes!(cancel::cancel))
}

/// The names under which older documents know the collection; not described twice.
pub(crate) fn aliases() -> axum::Router<AppState> {
    let collection = || get(list::list).post(place::place);
    axum::Router::new().route("/api/orders", collection()).route("/api/v1/orders", collection())
}
