//! Requests, responses, handlers: a file an endpoint group.

mod access;
mod administration;
mod client;
mod error;
mod internal;
mod login;
mod logout;
mod refresh;
mod register;
mod responses;
mod sessions;
mod token;
mod users;
mod validate;
mod well_known;

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;
use axum::routing::{get, post};
use kit::auth::Verifier;
use kit::watch::Following;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) use access::access;
pub(crate) use well_known::PublicKeys;

use crate::app::Auth;

/// What handlers share.
#[derive(Clone)]
pub struct HttpState {
    /// The use cases.
    pub(crate) auth: Auth,
    /// The public keys as they are served.
    pub(crate) public_keys: PublicKeys,
    /// Keeps the key files followed for as long as requests are served.
    pub(crate) _following: Arc<[Following; 2]>,
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

/// The canonical routes, with their description.
pub(crate) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::default()
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

/// The same handlers under the names that older clients give them.
fn aliases() -> Router<HttpState> {
    [
        (access::REGISTER, post(register::register)),
        (access::LOGIN, post(login::login)),
        (access::VALIDATE, post(validate::validate)),
        (access::USER, get(users::get)),
    ]
    .into_iter()
    .flat_map(|(paths, handler)| paths.iter().map(move |path| (*path, handler.clone())))
    .fold(Router::new(), |router, (path, handler)| router.route(path, handler))
}

/// What other services ask. Not described: the gateway's description is made of the others, and has no such route.
fn internal() -> Router<HttpState> {
    Router::new().route("/internal/revocations", get(internal::revocations))
}

/// Every route that is not described.
pub(crate) fn undescribed() -> Router<HttpState> {
    aliases().merge(internal())
}
