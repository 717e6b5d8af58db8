//! `GET`, `PATCH` and `PUT /orders/{id}/status`.

use axum::extract::State;
use kit::auth::{Identity, Role};
use kit::extract::{Json, Path};
use kit::problem::{Problem, ProblemBody};
use kit::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::caller::{actor, reach};
use crate::app::Orders;
use crate::domain::{Order, Status};

/// The state to move to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StatusChange {
    /// `confirmed` (or `processing`), `shipped`, `delivered` or `cancelled`.
    status: String,
}

/// A step that was made, with the one timestamp that it set.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StepBody {
    /// The order.
    id: Uuid,
    /// Its state now.
    status: &'static str,
    /// When it was confirmed, by this step.
    #[serde(skip_serializing_if = "Option::is_none")]
    confirmed_at: Option<Timestamp>,
    /// When it was shipped, by this step.
    #[serde(skip_serializing_if = "Option::is_none")]
    shipped_at: Option<Timestamp>,
    /// When it was delivered, by this step.
    #[serde(skip_serializing_if = "Option::is_none")]
    delivered_at: Option<Timestamp>,
    /// When it was cancelled, by this step.
    #[serde(skip_serializing_if = "Option::is_none")]
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
            status: status.as_str(),
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
pub(super) struct StatusBody {
    /// The order.
    id: Uuid,
    /// Its state.
    status: &'static str,
    /// When it was confirmed.
    confirmed_at: Option<Timestamp>,
    /// When it was shipped.
    shipped_at: Option<Timestamp>,
    /// When it was delivered.
    delivered_at: Option<Timestamp>,
    /// When it was cancelled; only on cancelled orders.
    #[serde(skip_serializing_if = "Option::is_none")]
    cancelled_at: Option<Timestamp>,
    /// When it last changed.
    updated_at: Timestamp,
}

impl From<&Order> for StatusBody {
    fn from(order: &Order) -> Self {
        let lifecycle = &order.lifecycle;
        Self {
            id: order.id,
            status: lifecycle.status.as_str(),
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
    security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "The order")),
    responses(
        (status = 200, body = StatusBody),
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
) -> Result<Json<StatusBody>, Problem> {
    let reach = reach(&identity, &[Role::Admin])?;
    let order = orders.get(id, reach).await?;
    Ok(Json((&order).into()))
}

/// Takes the order one step through its state machine.
#[utoipa::path(
    patch, path = "/orders/{id}/status", tag = "orders", operation_id = "change_order_status",
    security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "The order")),
    request_body = StatusChange,
    responses(
        (status = 200, body = StepBody),
        (status = 400, body = ProblemBody, description = "The state machine has no such step"),
        (status = 401, body = ProblemBody),
        (status = 403, body = ProblemBody, description = "Requires an admin"),
        (status = 404, body = ProblemBody),
        (status = 409, body = ProblemBody, description = "In that state already"),
    )
)]
pub(super) async fn patch(
    State(orders): State<Orders>,
    identity: Identity,
    Path(id): Path<Uuid>,
    Json(body): Json<StatusChange>,
) -> Result<Json<StepBody>, Problem> {
    identity.require_admin()?;
    let status = Status::from_request(&body.status)
        .map_err(|unknown| Problem::field("status", "unknown_status", unknown.to_string()))?;
    let order = orders.change_status(id, status, &actor(&identity)).await?;
    Ok(Json((&order).into()))
}

/// The same as `PATCH`.
#[utoipa::path(
    put, path = "/orders/{id}/status", tag = "orders", operation_id = "put_order_status",
    security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "The order")),
    request_body = StatusChange,
    responses(
        (status = 200, body = StepBody),
        (status = 400, body = ProblemBody, description = "The state machine has no such step"),
        (status = 401, body = ProblemBody),
        (status = 403, body = ProblemBody, description = "Requires an admin"),
        (status = 404, body = ProblemBody),
        (status = 409, body = ProblemBody, description = "In that state already"),
    )
)]
pub(super) async fn put(
    orders: State<Orders>,
    identity: Identity,
    id: Path<Uuid>,
    body: Json<StatusChange>,
) -> Result<Json<StepBody>, Problem> {
    patch(orders, identity, id, body).await
}
