//! `GET /auth/users/{id}`.

use axum::extract::State;
use kit::auth::{Identity, Role};
use kit::extract::{Json, Path};
use kit::problem::{Problem, ProblemBody};
use uuid::Uuid;

use super::views::UserResponse;
use crate::app::Auth;

/// Reads an account: one's own, or any for administrators and services.
#[utoipa::path(
    get, path = "/auth/users/{id}", tag = "auth", security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "User identifier")),
    responses(
        (status = 200, body = UserResponse),
        (status = 400, body = ProblemBody, description = "The identifier is malformed", content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, description = "Invalid token", content_type = "application/problem+json"),
        (status = 403, body = ProblemBody, description = "Somebody else's account", content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, description = "No such account", content_type = "application/problem+json"),
    )
)]
pub(super) async fn get(
    State(auth): State<Auth>,
    identity: Identity,
    Path(id): Path<Uuid>,
) -> Result<Json<UserResponse>, Problem> {
    identity.require_self_or(id, &[Role::Admin, Role::Service])?;
    Ok(Json(auth.user(id).await?.into()))
}
