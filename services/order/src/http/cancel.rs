//! `POST /orders/{id}/cancel` and `DELETE /orders/{id}`: an order is kept for 7 years, so both only cancel.

use axum::extract::State;
use kit::auth::{Identity, Role};
use kit::extract::{Json, Path};
use kit::problem::{Problem, ProblemBody};
use uuid::Uuid;

use super::body::OrderBody;
use super::caller::{actor, reach};
use crate::app::Orders;

/// Cancels an order that was not shipped.
#[utoipa::path(
    post, path = "/orders/{id}/cancel", tag = "orders", operation_id = "cancel_order",
    security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "The order")),
    responses(
        (status = 200, body = OrderBody),
        (status = 400, body = ProblemBody, description = "The id is no UUID"),
        (status = 401, body = ProblemBody),
        (status = 403, body = ProblemBody, description = "Somebody else's order"),
        (status = 404, body = ProblemBody),
        (status = 409, body = ProblemBody, description = "Shipped or cancelled already"),
    )
)]
pub(super) async fn cancel(
    State(orders): State<Orders>,
    identity: Identity,
    Path(id): Path<Uuid>,
) -> Result<Json<OrderBody>, Problem> {
    let reach = reach(&identity, &[Role::Admin])?;
    let order = orders.cancel(id, reach, &actor(&identity)).await?;
    Ok(Json((&order).into()))
}

/// Cancels an order that was not shipped; the order itself is kept.
#[utoipa::path(
    delete, path = "/orders/{id}", tag = "orders", operation_id = "delete_order",
    security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "The order")),
    responses(
        (status = 200, body = OrderBody),
        (status = 400, body = ProblemBody, description = "The id is no UUID"),
        (status = 401, body = ProblemBody),
        (status = 403, body = ProblemBody, description = "Somebody else's order"),
        (status = 404, body = ProblemBody),
        (status = 409, body = ProblemBody, description = "Shipped or cancelled already"),
    )
)]
pub(super) async fn delete(
    orders: State<Orders>,
    identity: Identity,
    id: Path<Uuid>,
) -> Result<Json<OrderBody>, Problem> {
    cancel(orders, identity, id).await
}
