//! `GET`, `PATCH` and `PUT /orders/{id}/status`.

use axum::extract::State;
use kit::access::Caller;
use kit::extract::{Json, Path};
use kit::problem::codes::{InvalidTransition, NotFound, SameStatus};
use kit::problem::{Problem, Problems};
use kit::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::access::actor;
use crate::app::Orders;
use crate::domain::{Order, Status};

/// The state to move to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OrderStatusChange)]
pub(super) struct StatusChange {
    /// `processing` is an older name of `confirmed`.
    status: Target,
}

/// A state that a request may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = OrderTargetStatus)]
enum Target {
    Pending,
    Confirmed,
    Processing,
    Shipped,
    Delivered,
    Cancelled,
}

impl From<Target> for Status {
    fn from(target: Target) -> Self {
        match target {
            Target::Pending => Self::Pending,
            Target::Confirmed | Target::Processing => Self::Confirmed,
            Target::Shipped => Self::Shipped,
            Target::Delivered => Self::Delivered,
            Target::Cancelled => Self::Cancelled,
        }
    }
}

/// A step that was made, with the one timestamp that it set.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrderStep)]
pub(super) struct StepBody {
    /// The order.
    id: Uuid,
    /// Its state now.
    status: Status,
    /// When it was confirmed, by this step.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    confirmed_at: Option<Timestamp>,
    /// When it was shipped, by this step.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    shipped_at: Option<Timestamp>,
    /// When it was delivered, by this step.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    delivered_at: Option<Timestamp>,
    /// When it was cancelled, by this step.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    cancelled_at: Option<Timestamp>,
    /// When it last changed.
    updated_at: Timestamp,
}

impl From<&Order> for StepBody {
    fn from(order: &Order) -> Self {
        let status = order.lifecycle.status;
        let reached =
            |state: Status| (state == status).then(|| order.lifecycle.reached_at()).flatten().map(Into::into);
        Self {
            id: order.id,
            status,
            confirmed_at: reached(Status::Confirmed),
            shipped_at: reached(Status::Shipped),
            delivered_at: reached(Status::Delivered),
            cancelled_at: reached(Status::Cancelled),
            updated_at: order.updated_at.into(),
        }
    }
}

/// Where an order stands.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrderProgress)]
pub(super) struct StatusBody {
    /// The order.
    id: Uuid,
    /// Its state.
    status: Status,
    /// When it was confirmed.
    #[schema(required)]
    confirmed_at: Option<Timestamp>,
    /// When it was shipped.
    #[schema(required)]
    shipped_at: Option<Timestamp>,
    /// When it was delivered.
    #[schema(required)]
    delivered_at: Option<Timestamp>,
    /// When it was cancelled; only on cancelled orders.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    cancelled_at: Option<Timestamp>,
    /// When it last changed.
    updated_at: Timestamp,
}

impl From<&Order> for StatusBody {
    fn from(order: &Order) -> Self {
        let lifecycle = &order.lifecycle;
        Self {
            id: order.id,
            status: lifecycle.status,
            confirmed_at: lifecycle.confirmed_at.map(Into::into),
            shipped_at: lifecycle.shipped_at.map(Into::into),
            delivered_at: lifecycle.delivered_at.map(Into::into),
            cancelled_at: lifecycle.cancelled_at.map(Into::into),
            updated_at: order.updated_at.into(),
        }
    }
}

/// Where the order stands.
#[utoipa::path(
    get, path = "/orders/{id}/status", tag = "orders", operation_id = "get_order_status",
    params(("id" = Uuid, Path, description = "The order")),
    responses((status = 200, description = "Its state", body = StatusBody), Problems<NotFound>)
)]
pub(super) async fn get(
    State(orders): State<Orders>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<StatusBody>, Problem> {
    let order = orders.get(id, caller.scope()).await?;
    Ok(Json((&order).into()))
}

/// Takes the order one step through its state machine.
#[utoipa::path(
    patch, path = "/orders/{id}/status", tag = "orders", operation_id = "change_order_status",
    params(("id" = Uuid, Path, description = "The order")),
    request_body = StatusChange,
    responses(
        (status = 200, description = "The step that was made", body = StepBody),
        Problems<(NotFound, InvalidTransition, SameStatus)>
    )
)]
pub(super) async fn patch(
    State(orders): State<Orders>,
    caller: Caller,
    Path(id): Path<Uuid>,
    body: Result<Json<StatusChange>, Problem>,
) -> Result<Json<StepBody>, Problem> {
    // First: an order that does not exist is 404, whatever the body says.
    orders.get(id, caller.scope()).await?;
    let Json(body) = body?;
    let order = orders.change_status(id, body.status.into(), &actor(&caller)).await?;
    Ok(Json((&order).into()))
}

/// The same as `PATCH`.
#[utoipa::path(
    put, path = "/orders/{id}/status", tag = "orders", operation_id = "put_order_status",
    params(("id" = Uuid, Path, description = "The order")),
    request_body = StatusChange,
    responses(
        (status = 200, description = "The step that was made", body = StepBody),
        Problems<(NotFound, InvalidTransition, SameStatus)>
    )
)]
pub(super) async fn put(
    orders: State<Orders>,
    caller: Caller,
    id: Path<Uuid>,
    body: Result<Json<StatusChange>, Problem>,
) -> Result<Json<StepBody>, Problem> {
    patch(orders, caller, id, body).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_may_name_every_state_and_processing_for_confirmed() {
        let read = |name: &str| serde_json::from_value::<Target>(name.into()).ok().map(Status::from);
        for status in Status::ALL {
            assert_eq!(read(status.as_str()), Some(status));
        }
        assert_eq!(read("processing"), Some(Status::Confirmed));
        assert_eq!(read("Confirmed"), None);
    }
}
