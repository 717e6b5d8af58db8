//! `POST /orders`.

use axum::extract::State;
use kit::access::Caller;
use kit::auth::{Identity, Subject};
use kit::idempotency::{Answer, Begun, Idempotent, KeyHeader};
use kit::money::Amount;
use kit::problem::Problem;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::access::actor;
use super::body::{AddressBody, OrderBody};
use crate::app::{self, Orders};
use crate::domain::{LineDraft, OrderDraft};

/// An order to place.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewOrder)]
pub(super) struct PlaceBody {
    /// What is bought.
    #[schema(min_items = 1, max_items = 200)]
    items: Vec<ItemBody>,
    /// Where it goes.
    shipping_address: AddressBody,
    /// ISO 4217 code; USD when absent.
    #[serde(default)]
    #[schema(pattern = "^[A-Z]{3}$", example = "USD")]
    currency: Option<String>,
    /// Notes for the shop.
    #[serde(default)]
    #[schema(max_length = 500)]
    notes: Option<String>,
    /// The customer, a UUID. Read from admins and services only, who order for others; a customer's own
    /// id is always the token's.
    #[serde(default)]
    user_id: Option<String>,
}

/// A line to order.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewOrderLine)]
struct ItemBody {
    /// Product.
    product_id: Uuid,
    /// Name as sold.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 200)]
    product_name: Option<String>,
    /// How many.
    #[schema(minimum = 1, maximum = 10_000)]
    quantity: i64,
    /// Price of one, with at most the currency's decimals.
    #[serde(default)]
    unit_price: Option<Amount>,
}

impl From<PlaceBody> for OrderDraft {
    fn from(body: PlaceBody) -> Self {
        let line = |item: ItemBody| LineDraft {
            product_id: item.product_id,
            product_name: item.product_name,
            quantity: item.quantity,
            unit_price: item.unit_price,
        };
        Self {
            lines: body.items.into_iter().map(line).collect(),
            shipping_address: body.shipping_address.into(),
            currency: body.currency,
            notes: body.notes,
        }
    }
}

/// Whose order it is.
fn customer(identity: &Identity, claimed: Option<&str>) -> Result<Uuid, Problem> {
    let refused = |code, message| Problem::field("user_id", code, message);
    let read = |text: &str| text.parse().map_err(|_| refused("invalid", "must be a UUID"));
    match (&identity.subject, claimed) {
        (Subject::User(_), Some(claimed)) if identity.is_admin() => read(claimed),
        (Subject::User(id), _) => Ok(*id),
        (Subject::Service(_), Some(claimed)) => read(claimed),
        (Subject::Service(_), None) => Err(refused("required", "a service must say for whom it orders")),
    }
}

/// Places an order; it is `pending`.
#[utoipa::path(
    post, path = "/orders", tag = "orders", operation_id = "place_order",
    params(KeyHeader),
    request_body = PlaceBody,
    responses((status = 201, description = "The order", body = OrderBody))
)]
pub(super) async fn place(
    State(orders): State<Orders>,
    caller: Caller,
    request: Idempotent<PlaceBody>,
) -> Result<Answer, Problem> {
    let (mut work, body) = match request.begin(&orders.database, &orders.clock).await? {
        Begun::Repeated(answer) => return Ok(answer),
        Begun::Fresh(work, body) => (work, body),
    };
    let user_id = customer(caller.identity(), body.user_id.as_deref())?;
    let new = OrderDraft::from(body).check()?;
    let actor = actor(&caller);
    let order = orders.place(work.transaction(), new, user_id, &actor)?;
    let body = OrderBody::from(&order);
    let answer = Answer::created(body.location(), &body)?;
    let answer = work.commit_unless(answer, |constraint| app::broken(constraint).map(Into::into)).await?;
    kit::outcome!("order placed", order.id = %order.id, actor.kind = actor.kind());
    Ok(answer)
}
