//! `GET /orders/{id}`.

use axum::extract::State;
use kit::auth::{Identity, Role};
use kit::extract::{Json, Path};
use kit::problem::{Problem, ProblemBody};
use uuid::Uuid;

use super::body::OrderBody;
use super::caller::reach;
use crate::app::Orders;

/// One order: the customer's own, or any for admins and services.
#[utoipa::path(
    get, path = "/orders/{id}", tag = "orders", operation_id = "get_order", security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "The order")),
    responses(
        (status = 200, body = OrderBody),
        (status = 400, body = ProblemBody, description = "The id is no UUID"),
        (status = 401, body = ProblemBody),
        (status = 403, body = ProblemBody, description = "Somebody else's order"),
        (status = 404, body = ProblemBody),
    )
)]
pub(super) async fn get(
    State(orders): State<Orders>,
    identity: Identity,
    Path(id): Path<Uuid>,
) -> Result<Json<OrderBody>, Problem> {
    let reach = reach(&identity, &[Role::Admin, Role::Service])?;
    let order = orders.get(id, reach).await?;
    Ok(Json((&order).into()))
}
