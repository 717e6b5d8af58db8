//! `GET /auth/users/{id}`.

use axum::extract::State;
use kit::access::Caller;
use kit::extract::{Json, Path};
use kit::problem::codes::NotFound;
use kit::problem::{Problem, Problems};
use uuid::Uuid;

use super::responses::UserResponse;
use crate::app::Auth;

/// Reads an account: one's own, or any for administrators and services.
#[utoipa::path(
    get, path = "/auth/users/{id}", tag = "auth", operation_id = "get_user",
    params(("id" = Uuid, Path, description = "User identifier")),
    responses(
        (status = 200, description = "The account", body = UserResponse),
        Problems<NotFound>
    )
)]
pub(super) async fn get(
    State(auth): State<Auth>,
    _: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<UserResponse>, Problem> {
    Ok(Json(auth.user(id).await?.into()))
}
