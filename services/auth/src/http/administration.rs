//! Administrators' routes: `GET /auth/users`, `PATCH /auth/users/{id}/role` and `/active`.

use axum::extract::State;
use kit::access::Caller;
use kit::extract::{Json, Path, Query};
use kit::paging::{List, Listing, PageQuery};
use kit::problem::codes::{LastAdministrator, NotFound};
use kit::problem::{Problem, Problems};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::responses::UserResponse;
use crate::app::{Auth, UserUpdate};
use crate::domain::{Role, UserFilter};

/// Which accounts to list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct UsersQuery {
    /// Only accounts of this role.
    role: Option<Role>,
    /// Only active (`true`) or deactivated (`false`) accounts.
    is_active: Option<bool>,
}

/// Another role.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RoleRequest {
    /// The role to give.
    role: Role,
}

/// Another activity.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ActiveRequest {
    /// Whether the account may sign in.
    is_active: bool,
}

/// Lists accounts, newest first.
#[utoipa::path(
    get, path = "/auth/users", tag = "auth", operation_id = "list_users", params(PageQuery, UsersQuery),
    responses(
        (status = 200, description = "A page of accounts", body = Listing<UserResponse>),
    )
)]
pub(super) async fn list(
    State(auth): State<Auth>,
    _: Caller,
    Query((page, query)): Query<(PageQuery, UsersQuery)>,
) -> Result<Json<Listing<UserResponse>>, Problem> {
    let filter = UserFilter { role: query.role, is_active: query.is_active };
    let list = List::newest_first("users", &filter);
    let window = page.window(&list)?;
    let slice = auth.users(filter, &window).await?;
    Ok(Json(list.answer(&window, slice, UserResponse::from)))
}

/// Gives an account another role. Its access tokens, which state the old one, end.
#[utoipa::path(
    patch, path = "/auth/users/{id}/role", tag = "auth", operation_id = "change_role", request_body = RoleRequest,
    params(("id" = Uuid, Path, description = "User identifier")),
    responses(
        (status = 200, description = "The account as changed", body = UserResponse),
        Problems<(NotFound, LastAdministrator)>
    )
)]
pub(super) async fn change_role(
    State(auth): State<Auth>,
    _: Caller,
    Path(id): Path<Uuid>,
    Json(request): Json<RoleRequest>,
) -> Result<Json<UserResponse>, Problem> {
    Ok(Json(auth.update_user(id, UserUpdate::Role(request.role)).await?.into()))
}

/// Activates or deactivates an account. Deactivation ends its sessions and tokens.
#[utoipa::path(
    patch, path = "/auth/users/{id}/active", tag = "auth", operation_id = "change_active", request_body = ActiveRequest,
    params(("id" = Uuid, Path, description = "User identifier")),
    responses(
        (status = 200, description = "The account as changed", body = UserResponse),
        Problems<(NotFound, LastAdministrator)>
    )
)]
pub(super) async fn change_active(
    State(auth): State<Auth>,
    _: Caller,
    Path(id): Path<Uuid>,
    Json(request): Json<ActiveRequest>,
) -> Result<Json<UserResponse>, Problem> {
    Ok(Json(auth.update_user(id, UserUpdate::Active(request.is_active)).await?.into()))
}
