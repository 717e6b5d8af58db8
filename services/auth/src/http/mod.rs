//! Requests, responses, handlers: a file an endpoint group.

mod administration;
mod client;
mod error;
mod lists;
mod login;
mod logout;
mod refresh;
mod register;
mod sessions;
mod token;
mod users;
mod validate;
mod views;
mod well_known;

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;
use axum::routing::{get, post};
use kit::auth::Verifier;
use kit::watch::Following;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use well_known::PublicKeys;

use crate::app::Auth;

/// What handlers share.
#[derive(Clone)]
pub struct HttpState {
    /// The use cases.
    pub auth: Auth,
    /// The public keys as they are served.
    pub public_keys: PublicKeys,
    /// Keeps the key files followed for as long as requests are served.
    pub following: Arc<[Following; 2]>,
}

impl FromRef<HttpState> for Verifier {
    fn from_ref(state: &HttpState) -> Self {
        state.auth.verifier.clone()
    }
}

impl FromRef<HttpState> for Auth {
    fn from_ref(state: &HttpState) -> Self {
        state.auth.clone()
    }
}

#[derive(OpenApi)]
#[openapi(
    info(title = "ShopFlow auth", description = "Accounts, sign-in, tokens"),
    modifiers(&BearerToken),
    tags((name = "auth", description = "Accounts, sign-in, tokens"))
)]
struct Description;

struct BearerToken;

impl utoipa::Modify for BearerToken {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
        let components = openapi.components.get_or_insert_with(Default::default);
        components.add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

/// The canonical routes, with their description.
fn described() -> OpenApiRouter<HttpState> {
    OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(register::register))
        .routes(routes!(login::login))
        .routes(routes!(token::token))
        .routes(routes!(refresh::refresh))
        .routes(routes!(validate::validate))
        .routes(routes!(logout::logout))
        .routes(routes!(sessions::list))
        .routes(routes!(sessions::end))
        .routes(routes!(users::get))
        .routes(routes!(administration::list))
        .routes(routes!(administration::change_role))
        .routes(routes!(administration::change_active))
        .routes(routes!(well_known::jwks))
        .routes(routes!(well_known::openid_configuration))
}

/// The same handlers under the names that older documents give them.
fn aliases() -> Router<HttpState> {
    Router::new()
        .route("/users/register", post(register::register))
        .route("/register", post(register::register))
        .route("/api/users/register", post(register::register))
        .route("/users/login", post(login::login))
        .route("/login", post(login::login))
        .route("/api/users/login", post(login::login))
        .route("/validate-token", post(validate::validate))
        .route("/users/{id}", get(users::get))
        .route("/api/users/{id}", get(users::get))
}

/// All routes of the service.
pub fn router(state: HttpState) -> Router {
    let (canonical, _) = described().split_for_parts();
    canonical.merge(aliases()).with_state(state)
}

/// The description of the canonical routes.
pub fn openapi() -> utoipa::openapi::OpenApi {
    described().into_openapi()
}
