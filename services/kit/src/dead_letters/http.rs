//! A service's dead letters, for administrators.

mod views;

use axum::extract::{FromRef, FromRequestParts, State};
use chrono::{DateTime, Datelike, Utc};
use http::StatusCode;
use http::request::Parts;
use serde::{Deserialize, Serialize};
use tracing::Instrument;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::redrive::RedriveError;
use super::store::{self, Filter};
use super::{DeadLetters, Status};
use crate::auth::{Identity, Verifier};
use crate::extract::{Json, Path, Query};
use crate::paging::{Listing, PageQuery, decode_cursor, encode_cursor};
use crate::problem::{Problem, ProblemBody};
use crate::timestamp::Timestamp;
use views::{Causes, Detail, View};

/// Seconds until something that was unavailable may be asked again.
const RETRY_AFTER_SECONDS: u64 = 3;
/// Maximum length of a reason, in characters.
const MAX_REASON: usize = 500;
/// Causes that are listed; a service that fails for more has other troubles.
const MAX_CAUSES: i64 = 100;

/// The routes, to be nested where the service's own are, such as `/notifications`.
pub fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    DeadLetters: FromRef<S>,
    Verifier: FromRef<S>,
{
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(causes))
        .routes(routes!(redrive_many))
        .routes(routes!(find))
        .routes(routes!(redrive))
        .routes(routes!(discard))
}

/// What a list is narrowed to.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct FilterQuery {
    /// Only those that stand so.
    #[param(value_type = Option<Status>)]
    status: Option<String>,
    /// Only events of this subject, such as `order.created`.
    subject: Option<String>,
}

/// Which dead letters to redrive: all that wait, or fewer.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = DeadLetterSelection)]
struct Selection {
    /// Only events of this subject.
    subject: Option<String>,
    /// Only those that were given up for exactly this cause.
    cause: Option<String>,
    /// Only those that were given up before this time.
    before: Option<Timestamp>,
}

/// How many redrives were asked for.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeadLettersAccepted)]
struct Accepted {
    accepted: u64,
}

/// Why a dead letter needs no redrive.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DeadLetterDiscard)]
struct Discard {
    /// 1 to 500 characters.
    reason: String,
}

impl From<RedriveError> for Problem {
    fn from(error: RedriveError) -> Self {
        match error {
            RedriveError::NotFound => not_found(),
            RedriveError::NotDead => {
                Self::conflict("already_redriven", "A redrive took effect, or it was discarded, before.")
            }
            RedriveError::Unreadable => {
                Self::unprocessable("The stored message cannot be read; no redrive can handle it.")
            }
            RedriveError::NotNow(_) => Self::unavailable(RETRY_AFTER_SECONDS),
            RedriveError::Failed(cause) => {
                Self::conflict("not_deliverable", format!("The event failed again: {cause:#}."))
            }
            RedriveError::Store(error) => error.into(),
        }
    }
}

/// The caller is an administrator. Comes first, so that nobody else learns anything of the request.
struct Admin;

impl<S> FromRequestParts<S> for Admin
where
    Verifier: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        <Identity as FromRequestParts<S>>::from_request_parts(parts, state).await?.require_admin()?;
        Ok(Self)
    }
}

fn not_found() -> Problem {
    Problem::not_found("There is no such dead letter.")
}

impl FilterQuery {
    fn validated(self) -> Result<Filter, Problem> {
        let status = match self.status.as_deref() {
            None => None,
            Some("dead") => Some(Status::Dead),
            Some("redriven") => Some(Status::Redriven),
            Some("discarded") => Some(Status::Discarded),
            Some(_) => {
                let message = "must be dead, redriven or discarded";
                return Err(Problem::field("status", "invalid", message));
            }
        };
        Ok(Filter { status, subject: self.subject, ..Filter::default() })
    }
}

/// Where the list continues.
fn position(page: &PageQuery) -> Result<Option<(DateTime<Utc>, Uuid)>, Problem> {
    let Some(cursor) = &page.cursor else { return Ok(None) };
    if page.page.is_some() {
        return Err(Problem::field("cursor", "ambiguous", "cannot be combined with page"));
    }
    let (micros, id): (i64, Uuid) = decode_cursor(cursor)?;
    // PostgreSQL knows fewer years than a cursor can be forged to name.
    let time = DateTime::from_timestamp_micros(micros).filter(|time| (1970..=9999).contains(&time.year()));
    let time = time.ok_or_else(|| Problem::field("cursor", "invalid", "is not a cursor of this list"))?;
    Ok(Some((time, id)))
}

/// Events that were given up, newest first.
#[utoipa::path(
    get, path = "/dead-letters", operation_id = "list_dead_letters", tag = "dead letters",
    params(FilterQuery, PageQuery), security(("bearer" = [])),
    responses(
        (status = 200, body = Listing<View>),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "Not an admin", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn list(
    _: Admin,
    State(letters): State<DeadLetters>,
    Query(filter): Query<FilterQuery>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Listing<View>>, Problem> {
    let (filter, page, after) = (filter.validated()?, query.validated()?, position(&query)?);
    let database = &letters.0.database;
    let offset = if after.is_some() { 0 } else { page.offset() };
    // One more than asked for tells whether there is a next page.
    let mut found = store::list(database, &filter, after, offset, page.limit() + 1).await?;
    let more = found.len() > page.limit as usize;
    found.truncate(page.limit as usize);
    let last = found.last().filter(|_| more);
    let next = last.map(|last| encode_cursor(&(last.created_at.timestamp_micros(), last.id)));
    let total = u64::try_from(store::count(database, &filter).await?).unwrap_or_default();
    let data = found.into_iter().map(View::from).collect();
    Ok(Json(Listing::new(data, page, total).with_next_cursor(next)))
}

/// Events that wait for an administrator, by what they failed for, most first.
#[utoipa::path(
    get, path = "/dead-letters/causes", operation_id = "list_dead_letter_causes", tag = "dead letters",
    security(("bearer" = [])),
    responses(
        (status = 200, body = Causes),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "Not an admin", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn causes(_: Admin, State(letters): State<DeadLetters>) -> Result<Json<Causes>, Problem> {
    let groups = store::groups(&letters.0.database, MAX_CAUSES).await?;
    Ok(Json(Causes { data: groups.into_iter().map(Into::into).collect() }))
}

/// One event that was given up, with what it holds.
#[utoipa::path(
    get, path = "/dead-letters/{id}", operation_id = "get_dead_letter", tag = "dead letters",
    params(("id" = Uuid, Path, description = "The dead letter")), security(("bearer" = [])),
    responses(
        (status = 200, body = Detail),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "Not an admin", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn find(
    _: Admin,
    State(letters): State<DeadLetters>,
    Path(id): Path<Uuid>,
) -> Result<Json<Detail>, Problem> {
    let letter = store::find(&letters.0.database, id).await?.ok_or_else(not_found)?;
    Ok(Json(letter.into()))
}

/// Handles a dead letter's event again. What took effect before is not done twice.
#[utoipa::path(
    post, path = "/dead-letters/{id}/redrive", operation_id = "redrive_dead_letter", tag = "dead letters",
    params(("id" = Uuid, Path, description = "The dead letter")), security(("bearer" = [])),
    responses(
        (status = 200, description = "It took effect", body = View),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "Not an admin", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "Not dead any more, or failed again", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "It cannot be read", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "Something it needs is unavailable", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn redrive(
    _: Admin,
    State(letters): State<DeadLetters>,
    Path(id): Path<Uuid>,
) -> Result<Json<View>, Problem> {
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
    request_body = Selection, security(("bearer" = [])),
    responses(
        (status = 202, body = Accepted),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "Not an admin", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn redrive_many(
    _: Admin,
    State(letters): State<DeadLetters>,
    Json(selection): Json<Selection>,
) -> Result<(StatusCode, Json<Accepted>), Problem> {
    let filter = Filter {
        status: Some(Status::Dead),
        subject: selection.subject,
        cause: selection.cause,
        before: selection.before.map(Timestamp::get),
    };
    let accepted = store::ask_redrive(&letters.0.database, &filter, letters.now()).await?;
    letters.changed();
    Ok((StatusCode::ACCEPTED, Json(Accepted { accepted })))
}

/// Marks a dead letter as needing no redrive.
#[utoipa::path(
    post, path = "/dead-letters/{id}/discard", operation_id = "discard_dead_letter", tag = "dead letters",
    params(("id" = Uuid, Path, description = "The dead letter")), request_body = Discard,
    security(("bearer" = [])),
    responses(
        (status = 200, body = Detail),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "Not an admin", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "Not dead any more", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn discard(
    _: Admin,
    State(letters): State<DeadLetters>,
    Path(id): Path<Uuid>,
    Json(body): Json<Discard>,
) -> Result<Json<Detail>, Problem> {
    let reason = body.reason.trim();
    if !(1..=MAX_REASON).contains(&reason.chars().count()) {
        return Err(Problem::field("reason", "invalid", format!("must have 1 to {MAX_REASON} characters")));
    }
    let database = &letters.0.database;
    match store::discard(database, id, reason, letters.now()).await? {
        Some(letter) => Ok(Json(letter.into())),
        None => match store::find(database, id).await? {
            Some(_) => Err(RedriveError::NotDead.into()),
            None => Err(not_found()),
        },
    }
}
