//! The dead letters of all services, for administrators: one list, and one request to redrive or discard many.
//!
//! Each service keeps its own and is asked with the caller's own token. One that does not answer is named beside what
//! the others answered. A single letter is handled at its service, under the path that the list gives.

mod merged;
mod parts;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use http::{Method, StatusCode};
use kit::access::{Rule, Who};
use kit::dead_letters::{Accepted, Causes, DeadLetter, DiscardSelection, Discarded, FilterQuery, Selection};
use kit::extract::{Json, Query};
use kit::paging::{Listing, PageQuery};
use kit::problem::Problem;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::Gateway;
use merged::{MergedAccepted, MergedCauses, MergedDeadLetters, MergedDiscarded};
use parts::Asking;

pub(crate) use parts::{Part, parts};

/// Who may use which route.
#[rustfmt::skip]
pub(crate) static RULES: &[Rule] = &[
    Rule::new("GET /api/v1/dead-letters", &[Who::Admin]).also_at(LIST),
    Rule::new("GET /api/v1/dead-letters/causes", &[Who::Admin]).also_at(CAUSES),
    Rule::new("POST /api/v1/dead-letters/redrive", &[Who::Admin]).also_at(REDRIVE),
    Rule::new("POST /api/v1/dead-letters/discard", &[Who::Admin]).also_at(DISCARD),
];

// Like every path, these are served bare and below each base.
const LIST: &[&str] = &["/dead-letters", "/api/dead-letters"];
const CAUSES: &[&str] = &["/dead-letters/causes", "/api/dead-letters/causes"];
const REDRIVE: &[&str] = &["/dead-letters/redrive", "/api/dead-letters/redrive"];
const DISCARD: &[&str] = &["/dead-letters/discard", "/api/dead-letters/discard"];

/// The routes with their description.
pub(crate) fn routes() -> OpenApiRouter<Arc<Gateway>> {
    OpenApiRouter::default()
        .routes(routes!(list))
        .routes(routes!(causes))
        .routes(routes!(redrive))
        .routes(routes!(discard))
}

/// The same by their other names.
pub(crate) fn aliases() -> Router<Arc<Gateway>> {
    [(LIST, get(list)), (CAUSES, get(causes)), (REDRIVE, post(redrive)), (DISCARD, post(discard))]
        .into_iter()
        .flat_map(|(paths, handler)| paths.iter().map(move |path| (*path, handler.clone())))
        .fold(Router::new(), |router, (path, handler)| router.route(path, handler))
}

/// Which part of the list. It has no page numbers: services may be away between one page and the next.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct CursorQuery {
    /// Items a page, 1 to 100; 20 when absent.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    limit: Option<i64>,
    /// Where to continue: the `next_cursor` of the page before. The other parameters must be as they were then.
    cursor: Option<String>,
}

/// Events that any service gave up, newest first.
#[utoipa::path(
    get, path = "/api/v1/dead-letters", operation_id = "list_all_dead_letters", tag = "dead letters",
    params(CursorQuery, FilterQuery),
    responses((status = 200, description = "A page of dead letters of all services", body = MergedDeadLetters))
)]
async fn list(
    State(gateway): State<Arc<Gateway>>,
    asking: Asking,
    Query((page, filter)): Query<(CursorQuery, FilterQuery)>,
) -> Result<Json<MergedDeadLetters>, Problem> {
    let list = filter.list();
    let window = PageQuery { page: None, limit: page.limit, cursor: page.cursor }.window(&list)?;
    // What every service is asked is what the gateway was asked: the list is the same, and so are its cursors.
    let parts = gateway.ask::<Listing<DeadLetter>>(&asking, Method::GET, "", None).await;
    Ok(Json(MergedDeadLetters::of(&list, &window, parts)))
}

/// Events that wait for an administrator, by what they failed for, most first.
#[utoipa::path(
    get, path = "/api/v1/dead-letters/causes", operation_id = "list_all_dead_letter_causes", tag = "dead letters",
    responses((status = 200, description = "What waits at all services, by cause", body = MergedCauses))
)]
async fn causes(State(gateway): State<Arc<Gateway>>, asking: Asking) -> Json<MergedCauses> {
    Json(gateway.ask::<Causes>(&asking, Method::GET, "/causes", None).await.into())
}

/// Asks every service for the redrive of many dead letters; each handles its own one after another, oldest first.
#[utoipa::path(
    post, path = "/api/v1/dead-letters/redrive", operation_id = "redrive_all_dead_letters", tag = "dead letters",
    request_body = Selection,
    responses((status = 202, description = "How many are redriven now", body = MergedAccepted))
)]
async fn redrive(
    State(gateway): State<Arc<Gateway>>,
    asking: Asking,
    Json(selection): Json<Selection>,
) -> (StatusCode, Json<MergedAccepted>) {
    let body = serde_json::to_vec(&selection).unwrap_or_default();
    let parts = gateway.ask::<Accepted>(&asking, Method::POST, "/redrive", Some(body.into())).await;
    (StatusCode::ACCEPTED, Json(parts.into()))
}

/// Marks many dead letters of every service as needing no redrive.
#[utoipa::path(
    post, path = "/api/v1/dead-letters/discard", operation_id = "discard_all_dead_letters", tag = "dead letters",
    request_body = DiscardSelection,
    responses((status = 200, description = "How many were discarded", body = MergedDiscarded))
)]
async fn discard(
    State(gateway): State<Arc<Gateway>>,
    asking: Asking,
    Json(selection): Json<DiscardSelection>,
) -> Result<Json<MergedDiscarded>, Problem> {
    selection.clone().checked()?;
    let body = serde_json::to_vec(&selection).unwrap_or_default();
    let parts = gateway.ask::<Discarded>(&asking, Method::POST, "/discard", Some(body.into())).await;
    Ok(Json(parts.into()))
}

#[cfg(test)]
mod tests;
