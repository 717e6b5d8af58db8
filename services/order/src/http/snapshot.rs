//! `GET /internal/orders` and `/internal/orders/{id}`: for services that keep a projection of orders. The gateway has
//! no route to them.

use axum::extract::State;
use kit::access::Caller;
use kit::extract::{Json, Path, Query};
use kit::problem::Problem;
use kit::projection::{Item, OrderState, Snapshot, SnapshotQuery};
use uuid::Uuid;

use crate::app::Orders;

/// A page of all orders, by id.
pub(super) async fn page(
    State(orders): State<Orders>,
    _: Caller,
    Query(query): Query<SnapshotQuery>,
) -> Result<Json<Snapshot<OrderState>>, Problem> {
    let part = query.part()?;
    Ok(Json(part.page(orders.snapshot(part).await?)))
}

/// One order.
pub(super) async fn one(
    State(orders): State<Orders>,
    _: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<Item<OrderState>>, Problem> {
    Ok(Json(orders.snapshot_of(id).await?))
}
