//! `GET /internal/revocations`: for other services of the platform. The gateway has no route to it.

use axum::extract::State;
use chrono::Datelike;
use kit::access::Caller;
use kit::auth::RevocationEntry;
use kit::extract::{Json, Query};
use kit::paging::{decode_cursor, encode_cursor};
use kit::problem::Problem;
use serde::{Deserialize, Serialize};

use crate::app::Auth;
use crate::domain::revocation::Position;

/// Which part to read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RevocationsQuery {
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A page of recorded revocations, with the keys and values of the bucket.
#[derive(Serialize)]
pub(super) struct RevocationsResponse {
    /// Revocations, oldest first.
    data: Vec<RevocationEntry>,
    /// Where to continue; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// `GET /internal/revocations?cursor=`: every revocation of a token that may not have expired by itself, for services
/// that cannot read the bucket. What is recorded while somebody reads comes on a later page.
pub(super) async fn list(
    State(auth): State<Auth>,
    _: Caller,
    Query(query): Query<RevocationsQuery>,
) -> Result<Json<RevocationsResponse>, Problem> {
    let after = query.cursor.as_deref().map(position).transpose()?;
    let page = auth.revocations(after.as_ref()).await?;
    let data = page.entries.into_iter().map(|entry| auth.published(entry)).collect();
    Ok(Json(RevocationsResponse { data, next_cursor: page.next.as_ref().map(encode_cursor) }))
}

/// A position that PostgreSQL can be asked about.
fn position(cursor: &str) -> Result<Position, Problem> {
    let position: Position = decode_cursor(cursor)?;
    if (1970..10_000).contains(&position.at.year()) && !position.key.contains('\0') {
        Ok(position)
    } else {
        Err(Problem::field("cursor", "invalid", "is not a cursor of this list"))
    }
}
