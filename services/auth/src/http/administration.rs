//! Administrators' routes: `GET /auth/users`, `PATCH /auth/users/{id}/role` and `/active`.

use axum::extract::State;
use kit::auth::Identity;
use kit::extract::{Json, Path, Query};
use kit::paging::{Listing, PageQuery};
use kit::problem::{Problem, ProblemBody};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::lists::{listing, window};
use super::views::UserResponse;
use crate::app::{Auth, Change};
use crate::domain::Role;
use crate::store::users::Filter;

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
    get, path = "/auth/users", tag = "auth", security(("bearer" = [])), params(PageQuery, UsersQuery),
    responses(
        (status = 200, body = Listing<UserResponse>),
        (status = 400, body = ProblemBody, description = "Paging or filter out of bounds", content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, description = "Invalid token", content_type = "application/problem+json"),
        (status = 403, body = ProblemBody, description = "Not an administrator", content_type = "application/problem+json"),
    )
)]
pub(super) async fn list(
    State(auth): State<Auth>,
    identity: Identity,
    Query((page, query)): Query<(PageQuery, UsersQuery)>,
) -> Result<Json<Listing<UserResponse>>, Problem> {
    identity.require_admin()?;
    let window = window(&page)?;
    let filter = Filter { role: query.role, is_active: query.is_active };
    let slice = auth.users(filter, window).await?;
    Ok(Json(listing(slice, window, UserResponse::from)))
}

/// Gives an account another role. Its access tokens, which state the old one, end.
#[utoipa::path(
    patch, path = "/auth/users/{id}/role", tag = "auth", security(("bearer" = [])), request_body = RoleRequest,
    params(("id" = Uuid, Path, description = "User identifier")),
    responses(
        (status = 200, body = UserResponse),
        (status = 400, body = ProblemBody, description = "Unknown role", content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, description = "Invalid token", content_type = "application/problem+json"),
        (status = 403, body = ProblemBody, description = "Not an administrator", content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, description = "No such account", content_type = "application/problem+json"),
        (status = 409, body = ProblemBody, description = "The last administrator stays one", content_type = "application/problem+json"),
    )
)]
pub(super) async fn change_role(
    State(auth): State<Auth>,
    identity: Identity,
    Path(id): Path<Uuid>,
    Json(request): Json<RoleRequest>,
) -> Result<Json<UserResponse>, Problem> {
    identity.require_admin()?;
    Ok(Json(auth.change_standing(id, Change::Role(request.role)).await?.into()))
}

/// Activates or deactivates an account. Deactivation ends its sessions and tokens.
#[utoipa::path(
    patch, path = "/auth/users/{id}/active", tag = "auth", security(("bearer" = [])), request_body = ActiveRequest,
    params(("id" = Uuid, Path, description = "User identifier")),
    responses(
        (status = 200, body = UserResponse),
        (status = 400, body = ProblemBody, description = "The body is invalid", content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, description = "Invalid token", content_type = "application/problem+json"),
        (status = 403, body = ProblemBody, description = "Not an administrator", content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, description = "No such account", content_type = "application/problem+json"),
        (status = 409, body = ProblemBody, description = "The last administrator stays one", content_type = "application/problem+json"),
    )
)]
pub(super) async fn change_active(
    State(auth): State<Auth>,
    identity: Identity,
    Path(id): Path<Uuid>,
    Json(request): Json<ActiveRequest>,
) -> Result<Json<UserResponse>, Problem> {
    identity.require_admin()?;
    Ok(Json(auth.change_standing(id, Change::Active(request.is_active)).await?.into()))
}
