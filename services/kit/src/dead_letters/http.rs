//! A service's dead letters, for administrators.

mod selection;
mod views;

use axum::extract::{FromRef, State};
use http::StatusCode;
use tracing::Instrument;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::redrive::RedriveError;
use super::{DeadLetters, store};
use crate::extract::{Json, Path, Query};
use crate::paging::{Listing, PageQuery};
use crate::problem::codes::{AlreadyRedriven, NotDeliverable, NotFound, UnreadableEvent};
use crate::problem::{Code, Problem, Problems};

pub use selection::{DiscardSelection, FilterQuery, Selection};
pub use views::{Accepted, Cause, Causes, DeadLetter, Discarded};

use selection::Discard;
use views::Detail;

/// Seconds until something that was unavailable may be asked again.
const RETRY_AFTER_SECONDS: u64 = 3;
/// Causes that are listed; a service that fails for more has other troubles.
pub const MAX_CAUSES: usize = 100;

/// The routes, to be nested where the service's own are, such as `/notifications`. The service's access rules
/// keep them for administrators.
pub fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    DeadLetters: FromRef<S>,
{
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(causes))
        .routes(routes!(redrive_many))
        .routes(routes!(discard_many))
        .routes(routes!(find))
        .routes(routes!(redrive))
        .routes(routes!(discard))
}

impl From<RedriveError> for Problem {
    fn from(error: RedriveError) -> Self {
        match error {
            RedriveError::NotFound => not_found(),
            RedriveError::NotDead => Self::of(Code::AlreadyRedriven)
                .with_detail("A redrive took effect, or it was discarded, before."),
            RedriveError::Unreadable => Self::of(Code::UnreadableEvent)
                .with_detail("The stored message cannot be read; no redrive can handle it."),
            RedriveError::NotNow(_) => Self::unavailable(RETRY_AFTER_SECONDS).with_detail(
                "What the event needs is unavailable; the redrive was not made. Please try again.",
            ),
            RedriveError::Failed(cause) => {
                Self::of(Code::NotDeliverable).with_detail(format!("The event failed again: {cause:#}."))
            }
            RedriveError::Store(error) => error.into(),
        }
    }
}

fn not_found() -> Problem {
    Problem::not_found("There is no such dead letter.")
}

/// Events that were given up, newest first.
#[utoipa::path(
    get, path = "/dead-letters", operation_id = "list_dead_letters", tag = "dead letters",
    params(PageQuery, FilterQuery),
    responses(
        (status = 200, description = "A page of dead letters", body = Listing<DeadLetter>),
    )
)]
async fn list(
    State(letters): State<DeadLetters>,
    Query((query, filter)): Query<(PageQuery, FilterQuery)>,
) -> Result<Json<Listing<DeadLetter>>, Problem> {
    let list = filter.list();
    let window = query.window(&list)?;
    let slice = store::list(&letters.0.database, &filter.into(), &window).await?;
    Ok(Json(list.answer(&window, slice, DeadLetter::from)))
}

/// Events that wait for an administrator, by what they failed for, most first.
#[utoipa::path(
    get, path = "/dead-letters/causes", operation_id = "list_dead_letter_causes", tag = "dead letters",
    responses(
        (status = 200, description = "What waits, by cause", body = Causes),
    )
)]
async fn causes(State(letters): State<DeadLetters>) -> Result<Json<Causes>, Problem> {
    let groups = store::groups(&letters.0.database, i64::try_from(MAX_CAUSES).unwrap_or(i64::MAX)).await?;
    Ok(Json(Causes { data: groups.into_iter().map(Into::into).collect() }))
}

/// One event that was given up, with what it holds.
#[utoipa::path(
    get, path = "/dead-letters/{id}", operation_id = "get_dead_letter", tag = "dead letters",
    params(("id" = Uuid, Path, description = "The dead letter")),
    responses(
        (status = 200, description = "The dead letter", body = Detail),
        Problems<(NotFound,)>
    )
)]
async fn find(State(letters): State<DeadLetters>, Path(id): Path<Uuid>) -> Result<Json<Detail>, Problem> {
    let letter = store::find(&letters.0.database, id).await?.ok_or_else(not_found)?;
    Ok(Json(letter.into()))
}

/// Handles a dead letter's event again. What took effect before is not done twice.
#[utoipa::path(
    post, path = "/dead-letters/{id}/redrive", operation_id = "redrive_dead_letter", tag = "dead letters",
    params(("id" = Uuid, Path, description = "The dead letter")),
    responses(
        (status = 200, description = "It took effect", body = DeadLetter),
        Problems<(NotFound, AlreadyRedriven, NotDeliverable, UnreadableEvent)>
    )
)]
async fn redrive(
    State(letters): State<DeadLetters>,
    Path(id): Path<Uuid>,
) -> Result<Json<DeadLetter>, Problem> {
    // A task of its own: a client that hangs up does not end it half-way.
    let redrive = async move { letters.redrive(id).await };
    let letter = tokio::spawn(redrive.in_current_span()).await.map_err(|error| {
        tracing::error!(%error, "redrive ended early");
        Problem::internal()
    })??;
    Ok(Json(letter.into()))
}

/// Asks for the redrive of many dead letters; they are handled one after another, oldest first.
#[utoipa::path(
    post, path = "/dead-letters/redrive", operation_id = "redrive_dead_letters", tag = "dead letters",
    request_body = Selection,
    responses(
        (status = 202, description = "How many are redriven now", body = Accepted),
    )
)]
async fn redrive_many(
    State(letters): State<DeadLetters>,
    Json(selection): Json<Selection>,
) -> Result<(StatusCode, Json<Accepted>), Problem> {
    let accepted = store::ask_redrive(&letters.0.database, &selection.into(), letters.now()).await?;
    letters.changed();
    Ok((StatusCode::ACCEPTED, Json(Accepted { accepted })))
}

/// Marks many dead letters as needing no redrive.
#[utoipa::path(
    post, path = "/dead-letters/discard", operation_id = "discard_dead_letters", tag = "dead letters",
    request_body = DiscardSelection,
    responses(
        (status = 200, description = "How many were discarded", body = Discarded),
    )
)]
async fn discard_many(
    State(letters): State<DeadLetters>,
    Json(body): Json<DiscardSelection>,
) -> Result<Json<Discarded>, Problem> {
    let (selection, reason) = body.checked()?;
    let database = &letters.0.database;
    let discarded = store::discard_many(database, &selection.into(), &reason, letters.now()).await?;
    Ok(Json(Discarded { discarded }))
}

/// Marks a dead letter as needing no redrive.
#[utoipa::path(
    post, path = "/dead-letters/{id}/discard", operation_id = "discard_dead_letter", tag = "dead letters",
    params(("id" = Uuid, Path, description = "The dead letter")), request_body = Discard,
    responses(
        (status = 200, description = "The dead letter", body = Detail),
        Problems<(NotFound, AlreadyRedriven)>
    )
)]
async fn discard(
    State(letters): State<DeadLetters>,
    Path(id): Path<Uuid>,
    Json(body): Json<Discard>,
) -> Result<Json<Detail>, Problem> {
    let reason = body.checked()?;
    let database = &letters.0.database;
    match store::discard(database, id, &reason, letters.now()).await? {
        Some(letter) => Ok(Json(letter.into())),
        None => match store::find(database, id).await? {
            Some(_) => Err(RedriveError::NotDead.into()),
            None => Err(not_found()),
        },
    }
}
