//! `/auth/sessions`.

use axum::extract::State;
use http::StatusCode;
use kit::access::Caller;
use kit::extract::{Json, Path, Query};
use kit::paging::{List, Listing, PageQuery};
use kit::problem::codes::NotFound;
use kit::problem::{Problem, Problems};
use kit::timestamp::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

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
    get, path = "/auth/sessions", tag = "auth", operation_id = "list_sessions", params(PageQuery),
    responses(
        (status = 200, description = "A page of sessions", body = Listing<SessionResponse>),
    )
)]
pub(super) async fn list(
    State(auth): State<Auth>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> Result<Json<Listing<SessionResponse>>, Problem> {
    let user = caller.identity().require_user()?;
    let list = List::newest_first("sessions", &());
    let window = query.window(&list)?;
    let slice = auth.sessions(user, &window).await?;
    let current = caller.identity().session;
    Ok(Json(list.answer(&window, slice, |session| SessionResponse::new(session, current))))
}

/// Ends one of the caller's sessions, and every token of it.
#[utoipa::path(
    delete, path = "/auth/sessions/{id}", tag = "auth", operation_id = "end_session",
    params(("id" = Uuid, Path, description = "Session identifier")),
    responses(
        (status = 204, description = "The session has ended"),
        Problems<NotFound>
    )
)]
pub(super) async fn end(
    State(auth): State<Auth>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Problem> {
    let user = caller.identity().require_user()?;
    auth.end_session(user, id, EndReason::Revoked).await?;
    Ok(StatusCode::NO_CONTENT)
}
