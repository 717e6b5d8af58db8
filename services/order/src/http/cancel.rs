//! `POST /orders/{id}/cancel` and `DELETE /orders/{id}`: an order is kept for 7 years, so both only cancel.

use axum::extract::State;
use kit::access::Caller;
use kit::extract::{Json, Path};
use kit::problem::codes::{NotCancellable, NotFound, SameStatus};
use kit::problem::{Problem, Problems};
use uuid::Uuid;

use super::access::actor;
use super::body::OrderBody;
use crate::app::Orders;

/// Cancels an order that was not shipped.
#[utoipa::path(
    post, path = "/orders/{id}/cancel", tag = "orders", operation_id = "cancel_order",
    params(("id" = Uuid, Path, description = "The order")),
    responses(
        (status = 200, description = "The order as cancelled", body = OrderBody),
        Problems<(NotFound, NotCancellable, SameStatus)>
    )
)]
pub(super) async fn cancel(
    State(orders): State<Orders>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<OrderBody>, Problem> {
    let order = orders.cancel(id, caller.scope(), &actor(&caller)).await?;
    Ok(Json((&order).into()))
}

/// Cancels an order that was not shipped; the order itself is kept.
#[utoipa::path(
    delete, path = "/orders/{id}", tag = "orders", operation_id = "delete_order",
    params(("id" = Uuid, Path, description = "The order")),
    responses(
        (status = 200, description = "The order as cancelled", body = OrderBody),
        Problems<(NotFound, NotCancellable, SameStatus)>
    )
)]
pub(super) async fn delete(
    orders: State<Orders>,
    caller: Caller,
    id: Path<Uuid>,
) -> Result<Json<OrderBody>, Problem> {
    cancel(orders, caller, id).await
}
