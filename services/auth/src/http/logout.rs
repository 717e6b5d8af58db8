//! `POST /auth/logout`.

use axum::extract::State;
use http::StatusCode;
use kit::access::Caller;
use kit::problem::Problem;

use crate::app::{Auth, Error};
use crate::domain::session::EndReason;

/// Ends the session of the access token, and every token of it.
#[utoipa::path(
    post, path = "/auth/logout", tag = "auth", operation_id = "sign_out",
    responses(
        (status = 204, description = "The session has ended"),
    )
)]
pub(super) async fn logout(State(auth): State<Auth>, caller: Caller) -> Result<StatusCode, Problem> {
    let user = caller.identity().require_user()?;
    let session =
        caller.identity().session.ok_or_else(|| Problem::forbidden("This token belongs to no session."))?;
    match auth.end_session(user, session, EndReason::Logout).await {
        // Ended a moment ago by another request: that is what was asked for.
        Ok(()) | Err(Error::SessionNotFound) => Ok(StatusCode::NO_CONTENT),
        Err(error) => Err(error.into()),
    }
}
