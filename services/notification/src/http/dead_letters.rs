//! Events that were given up, for administrators.

use std::sync::Arc;

use axum::extract::State;
use kit::extract::{Json, Path, Query};
use kit::paging::{List, Listing, PageQuery};
use kit::problem::codes::{AlreadyRedriven, NotDeliverable, NotFound, UnreadableEvent};
use kit::problem::{Code, Problem, Problems};
use kit::timestamp::Timestamp;
use serde::Serialize;
use tracing::Instrument;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::app;
use crate::app::dead_letters::RedriveError;
use crate::app::deliver::{DeliverError, Notifier};
use crate::domain::{DeadLetter, DeadLetterStatus};

/// Seconds until a provider or a service that was away may be asked again.
const RETRY_AFTER_SECONDS: u64 = 15;

/// An event that was given up.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeadLetter)]
pub(crate) struct DeadLetterView {
    id: Uuid,
    /// Subject of the original event, such as `order.created`.
    subject: String,
    /// The original event; null when the message could not be read.
    #[schema(required)]
    event_id: Option<Uuid>,
    status: DeadLetterStatus,
    /// Why it was given up, or why its latest redrive failed.
    cause: String,
    /// Deliveries before it was given up.
    attempts: i32,
    /// How often it was redriven.
    redrives: i32,
    /// Message id of the latest redrive, as in the logs.
    #[schema(required)]
    redrive_id: Option<Uuid>,
    created_at: Timestamp,
    /// When a redrive sent everything.
    #[schema(required)]
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
                Self::of(Code::AlreadyRedriven).with_detail("A redrive has sent everything before.")
            }
            RedriveError::Unreadable(_) => Self::of(Code::UnreadableEvent)
                .with_detail("The stored message is not an order event; no redrive can handle it."),
            RedriveError::Store(error) | RedriveError::Deliver(DeliverError::Store(error)) => error.into(),
            RedriveError::Deliver(error) if error.is_retryable() => {
                tracing::warn!(error = %error, "redrive failed");
                Self::unavailable(RETRY_AFTER_SECONDS)
            }
            RedriveError::Deliver(error) => {
                Self::of(Code::NotDeliverable).with_detail(format!("The event cannot be notified: {error}."))
            }
        }
    }
}

/// Events that were given up, newest first.
#[utoipa::path(
    get, path = "/notifications/dead-letters", tag = "dead letters",
    operation_id = "list_notification_dead_letters",
    params(PageQuery),
    responses((status = 200, description = "A page of dead letters", body = Listing<DeadLetterView>))
)]
pub(crate) async fn list(
    State(notifier): State<Arc<Notifier>>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Listing<DeadLetterView>>, Problem> {
    let list = List::newest_first("notification dead letters", &());
    let window = page.window(&list)?;
    let slice = app::dead_letters::list(&notifier.database, &window).await?;
    Ok(Json(list.answer(&window, slice, Into::into)))
}

/// Handles a dead letter's event again: reads order and user again and sends what is not sent.
#[utoipa::path(
    post, path = "/notifications/dead-letters/{id}/redrive", tag = "dead letters",
    operation_id = "redrive_notification_dead_letter",
    params(("id" = Uuid, Path, description = "The dead letter")),
    responses(
        (status = 200, description = "Everything is sent", body = DeadLetterView),
        Problems<(NotFound, AlreadyRedriven, NotDeliverable, UnreadableEvent)>
    )
)]
pub(crate) async fn redrive(
    State(notifier): State<Arc<Notifier>>,
    Path(id): Path<Uuid>,
) -> Result<Json<DeadLetterView>, Problem> {
    // A task of its own: a client that hangs up must not part what is sent from its record.
    let redrive = async move { app::dead_letters::redrive(&notifier, id).await };
    let letter = tokio::spawn(redrive.in_current_span()).await.map_err(|error| {
        tracing::error!(%error, "redrive ended early");
        Problem::internal()
    })??;
    Ok(Json(letter.into()))
}
