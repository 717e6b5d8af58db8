//! `PUT /orders/{id}`.

use axum::extract::State;
use kit::access::Caller;
use kit::extract::{Json, Path};
use kit::problem::codes::{NotFound, NotPending};
use kit::problem::{Problem, Problems};
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;
use uuid::Uuid;

use super::body::{AddressBody, OrderBody};
use crate::app::Orders;
use crate::domain::{Amendment, Change};

/// What to change; a field that is absent stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OrderAmendment)]
pub(super) struct AmendBody {
    /// New address.
    #[serde(default)]
    #[schema(nullable = false)]
    shipping_address: Option<AddressBody>,
    /// New notes; null removes them.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, max_length = 500, example = "Ring twice.")]
    notes: Change<Option<String>>,
}

/// Tells `null` from an absent field.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Change<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Change::Set)
}

/// Changes the address, the notes or both while the order is pending.
#[utoipa::path(
    put, path = "/orders/{id}", tag = "orders", operation_id = "amend_order",
    params(("id" = Uuid, Path, description = "The order")),
    request_body = AmendBody,
    responses((status = 200, description = "The order as amended", body = OrderBody), Problems<(NotFound, NotPending)>)
)]
pub(super) async fn amend(
    State(orders): State<Orders>,
    caller: Caller,
    Path(id): Path<Uuid>,
    body: Result<Json<AmendBody>, Problem>,
) -> Result<Json<OrderBody>, Problem> {
    let scope = caller.scope();
    // First: whoever may not change the order learns nothing about the body.
    orders.get(id, scope).await?;
    let Json(body) = body?;
    let amendment = Amendment::check(body.shipping_address.map(Into::into), body.notes)?;
    let order = orders.amend(id, scope, amendment).await?;
    Ok(Json((&order).into()))
}
