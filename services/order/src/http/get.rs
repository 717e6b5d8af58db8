//! `GET /orders/{id}`.

use axum::extract::State;
use kit::access::Caller;
use kit::extract::{Json, Path};
use kit::problem::codes::NotFound;
use kit::problem::{Problem, Problems};
use uuid::Uuid;

use super::body::OrderBody;
use crate::app::Orders;

/// One order.
#[utoipa::path(
    get, path = "/orders/{id}", tag = "orders", operation_id = "get_order",
    params(("id" = Uuid, Path, description = "The order")),
    responses((status = 200, description = "The order", body = OrderBody), Problems<NotFound>)
)]
pub(super) async fn get(
    State(orders): State<Orders>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<OrderBody>, Problem> {
    let order = orders.get(id, caller.scope()).await?;
    Ok(Json((&order).into()))
}
