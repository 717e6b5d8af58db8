//! `POST /auth/logout`.

use axum::extract::State;
use http::StatusCode;
use kit::auth::Identity;
use kit::problem::{Problem, ProblemBody};

use crate::app::{Auth, Error};
use crate::domain::session::EndReason;

/// Ends the session of the access token, and every token of it.
#[utoipa::path(
    post, path = "/auth/logout", tag = "auth", security(("bearer" = [])),
    responses(
        (status = 204),
        (status = 401, body = ProblemBody, description = "Invalid token", content_type = "application/problem+json"),
        (status = 403, body = ProblemBody, description = "A service has no session", content_type = "application/problem+json"),
    )
)]
pub(super) async fn logout(State(auth): State<Auth>, identity: Identity) -> Result<StatusCode, Problem> {
    let user = identity.require_user()?;
    let session = identity.session.ok_or_else(|| Problem::forbidden("This token belongs to no session."))?;
    match auth.end_session(user, session, EndReason::Logout).await {
        // Ended a moment ago by somebody else: that is what was asked for.
        Ok(()) | Err(Error::SessionNotFound) => Ok(StatusCode::NO_CONTENT),
        Err(error) => Err(error.into()),
    }
}
