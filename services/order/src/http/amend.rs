//! `PUT /orders/{id}`.

use axum::extract::State;
use kit::auth::Identity;
use kit::extract::{Json, Path};
use kit::problem::{Problem, ProblemBody};
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;
use uuid::Uuid;

use super::body::{AddressBody, OrderBody};
use super::caller::reach;
use super::problem::violations;
use crate::app::Orders;
use crate::domain::{Amendment, Change};

/// What to change; a field that is absent stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AmendBody {
    /// New address.
    #[serde(default)]
    shipping_address: Option<AddressBody>,
    /// New notes; null removes them.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, max_length = 500)]
    notes: Change<Option<String>>,
}

/// Tells `null` from an absent field.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Change<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Change::Set)
}

/// Changes the address, the notes or both while the order is pending.
#[utoipa::path(
    put, path = "/orders/{id}", tag = "orders", operation_id = "amend_order", security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "The order")),
    request_body = AmendBody,
    responses(
        (status = 200, body = OrderBody),
        (status = 400, body = ProblemBody),
        (status = 401, body = ProblemBody),
        (status = 403, body = ProblemBody, description = "Somebody else's order"),
        (status = 404, body = ProblemBody),
        (status = 409, body = ProblemBody, description = "No longer pending"),
    )
)]
pub(super) async fn amend(
    State(orders): State<Orders>,
    identity: Identity,
    Path(id): Path<Uuid>,
    Json(body): Json<AmendBody>,
) -> Result<Json<OrderBody>, Problem> {
    // Only the customer: not even an admin redirects somebody's parcel.
    let reach = reach(&identity, &[])?;
    let amendment =
        Amendment::check(body.shipping_address.map(Into::into), body.notes).map_err(violations)?;
    let order = orders.amend(id, reach, amendment).await?;
    Ok(Json((&order).into()))
}
