//! `/auth/sessions`.

use axum::extract::State;
use http::StatusCode;
use kit::auth::Identity;
use kit::extract::{Json, Path, Query};
use kit::paging::{Listing, PageQuery};
use kit::problem::{Problem, ProblemBody};
use kit::timestamp::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::lists::{listing, window};
use crate::app::Auth;
use crate::domain::Session;
use crate::domain::session::EndReason;

/// A session that can still be used.
#[derive(Serialize, ToSchema)]
pub(super) struct SessionResponse {
    /// Identifier.
    id: Uuid,
    /// `User-Agent` of the client that used it last.
    device: Option<String>,
    /// Address of the client that used it last.
    ip: Option<String>,
    /// Whether it is the session of this request.
    current: bool,
    /// When it began.
    created_at: Timestamp,
    /// When its tokens were last issued.
    last_used_at: Timestamp,
    /// When it ends unless it is used.
    expires_at: Timestamp,
}

impl SessionResponse {
    fn new(session: Session, current: Option<Uuid>) -> Self {
        Self {
            id: session.id,
            device: session.client.device,
            ip: session.client.ip,
            current: Some(session.id) == current,
            created_at: session.created_at.into(),
            last_used_at: session.last_used_at.into(),
            expires_at: session.expires_at.into(),
        }
    }
}

/// Lists the caller's sessions, latest use first.
#[utoipa::path(
    get, path = "/auth/sessions", tag = "auth", security(("bearer" = [])), params(PageQuery),
    responses(
        (status = 200, body = Listing<SessionResponse>),
        (status = 400, body = ProblemBody, description = "Paging out of bounds", content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, description = "Invalid token", content_type = "application/problem+json"),
        (status = 403, body = ProblemBody, description = "A service has no sessions", content_type = "application/problem+json"),
    )
)]
pub(super) async fn list(
    State(auth): State<Auth>,
    identity: Identity,
    Query(query): Query<PageQuery>,
) -> Result<Json<Listing<SessionResponse>>, Problem> {
    let user = identity.require_user()?;
    let window = window(&query)?;
    let slice = auth.sessions(user, window).await?;
    Ok(Json(listing(slice, window, |session| SessionResponse::new(session, identity.session))))
}

/// Ends one of the caller's sessions, and every token of it.
#[utoipa::path(
    delete, path = "/auth/sessions/{id}", tag = "auth", security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "Session identifier")),
    responses(
        (status = 204),
        (status = 401, body = ProblemBody, description = "Invalid token", content_type = "application/problem+json"),
        (status = 403, body = ProblemBody, description = "A service has no sessions", content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, description = "The caller has no such session", content_type = "application/problem+json"),
    )
)]
pub(super) async fn end(
    State(auth): State<Auth>,
    identity: Identity,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Problem> {
    let user = identity.require_user()?;
    auth.end_session(user, id, EndReason::Revoked).await?;
    Ok(StatusCode::NO_CONTENT)
}
