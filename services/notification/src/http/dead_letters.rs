//! Events that were given up, for administrators.

use axum::extract::State;
use kit::auth::Identity;
use kit::extract::{Json, Path, Query};
use kit::paging::{Listing, PageQuery};
use kit::problem::{Problem, ProblemBody};
use kit::timestamp::Timestamp;
use serde::Serialize;
use tracing::Instrument;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::app;
use crate::app::dead_letters::RedriveError;
use crate::app::deliver::DeliverError;
use crate::domain::{DeadLetter, DeadLetterStatus};
use crate::http::State as AppState;

/// Seconds until a provider or a service that was away may be asked again.
const RETRY_AFTER_SECONDS: u64 = 15;

/// An event that was given up.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeadLetterView {
    id: Uuid,
    /// Subject of the original event, such as `order.created`.
    subject: String,
    /// The original event; null when the message could not be read.
    event_id: Option<Uuid>,
    status: DeadLetterStatus,
    /// Why it was given up, or why its latest redrive failed.
    cause: String,
    /// Deliveries before it was given up.
    attempts: i32,
    /// How often it was redriven.
    redrives: i32,
    /// Message id of the latest redrive, as in the logs.
    redrive_id: Option<Uuid>,
    created_at: Timestamp,
    /// When a redrive sent everything.
    redriven_at: Option<Timestamp>,
}

impl From<DeadLetter> for DeadLetterView {
    fn from(letter: DeadLetter) -> Self {
        Self {
            status: letter.status(),
            id: letter.id,
            subject: letter.subject,
            event_id: letter.event_id,
            cause: letter.cause,
            attempts: letter.attempts,
            redrives: letter.redrives,
            redrive_id: letter.redrive_id,
            created_at: Timestamp::new(letter.created_at),
            redriven_at: letter.redriven_at.map(Timestamp::new),
        }
    }
}

impl From<RedriveError> for Problem {
    fn from(error: RedriveError) -> Self {
        match error {
            RedriveError::NotFound => Self::not_found("There is no such dead letter."),
            RedriveError::AlreadyRedriven => {
                Self::conflict("already_redriven", "A redrive has sent everything before.")
            }
            RedriveError::Unreadable(_) => {
                Self::unprocessable("The stored message is not an order event; no redrive can handle it.")
            }
            RedriveError::Store(error) | RedriveError::Deliver(DeliverError::Store(error)) => error.into(),
            RedriveError::Deliver(error) if error.is_retryable() => {
                tracing::warn!(error = %error, "redrive failed");
                Self::unavailable(RETRY_AFTER_SECONDS)
            }
            RedriveError::Deliver(error) => {
                Self::conflict("not_deliverable", format!("The event cannot be notified: {error}."))
            }
        }
    }
}

/// Events that were given up, newest first.
#[utoipa::path(
    get, path = "/notifications/dead-letters", tag = "dead letters", params(PageQuery),
    security(("bearer" = [])),
    responses(
        (status = 200, body = Listing<DeadLetterView>),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "Not an admin", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list(
    State(state): State<AppState>,
    identity: Identity,
    Query(page): Query<PageQuery>,
) -> Result<Json<Listing<DeadLetterView>>, Problem> {
    identity.require_admin()?;
    let list = app::dead_letters::list(state.database(), page.validated()?).await?;
    Ok(Json(Listing {
        data: list.data.into_iter().map(Into::into).collect(),
        pagination: list.pagination,
        next_cursor: None,
    }))
}

/// Handles a dead letter's event again: reads order and user anew and sends what is not sent.
#[utoipa::path(
    post, path = "/notifications/dead-letters/{id}/redrive", tag = "dead letters",
    params(("id" = Uuid, Path, description = "The dead letter")),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "Everything is sent", body = DeadLetterView),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "Not an admin", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "Redriven before, or refused for good", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "Not an order event", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "A provider or a service is away", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn redrive(
    State(state): State<AppState>,
    identity: Identity,
    Path(id): Path<Uuid>,
) -> Result<Json<DeadLetterView>, Problem> {
    identity.require_admin()?;
    // A task of its own: a client that hangs up must not part what is sent from its record.
    let redrive = async move { app::dead_letters::redrive(&state.notifier, id).await };
    let letter = tokio::spawn(redrive.in_current_span()).await.map_err(|error| {
        tracing::error!(%error, "redrive ended early");
        Problem::internal()
    })??;
    Ok(Json(letter.into()))
}
