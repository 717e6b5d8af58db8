//! `GET /internal/users` and `/internal/users/{id}`: for services that keep a projection of accounts. The gateway has no
//! route to them.

use axum::extract::State;
use kit::access::Caller;
use kit::extract::{Json, Path, Query};
use kit::problem::Problem;
use kit::projection::{Item, Snapshot, SnapshotQuery, UserState};
use uuid::Uuid;

use crate::app::Auth;

/// A page of all accounts, by id.
pub(super) async fn page(
    State(auth): State<Auth>,
    _: Caller,
    Query(query): Query<SnapshotQuery>,
) -> Result<Json<Snapshot<UserState>>, Problem> {
    let part = query.part()?;
    Ok(Json(part.page(auth.snapshot(part).await?)))
}

/// One account.
pub(super) async fn one(
    State(auth): State<Auth>,
    _: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<Item<UserState>>, Problem> {
    Ok(Json(auth.snapshot_of(id).await?))
}
