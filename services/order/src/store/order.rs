//! Single orders.

use chrono::{DateTime, Utc};
use sqlx::types::Json;
use sqlx::{FromRow, PgConnection, PgExecutor};
use uuid::Uuid;

use super::document::{AddressDocument, LineDocument, decode, parse};
use crate::domain::{Actor, Lifecycle, Order, Status};

#[derive(FromRow)]
struct OrderRow {
    id: Uuid,
    user_id: Uuid,
    status: String,
    items: Json<Vec<LineDocument>>,
    shipping_address: Json<AddressDocument>,
    total_minor: i64,
    currency: String,
    notes: Option<String>,
    confirmed_at: Option<DateTime<Utc>>,
    shipped_at: Option<DateTime<Utc>>,
    delivered_at: Option<DateTime<Utc>>,
    cancelled_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl OrderRow {
    fn into_order(self) -> Result<Order, sqlx::Error> {
        let currency = parse("currency", &self.currency)?;
        let lines = self
            .items
            .0
            .into_iter()
            .map(|line| line.into_line(currency))
            .collect::<Result<_, _>>()
            .map_err(|error| decode("items", error))?;
        Ok(Order {
            id: self.id,
            user_id: self.user_id,
            lifecycle: Lifecycle {
                status: parse("status", &self.status)?,
                confirmed_at: self.confirmed_at,
                shipped_at: self.shipped_at,
                delivered_at: self.delivered_at,
                cancelled_at: self.cancelled_at,
            },
            lines,
            shipping_address: self.shipping_address.0.into_address(),
            total_minor: self.total_minor,
            currency,
            notes: self.notes,
            created_at: self.created_at,
            updated_at: self.updated_at,
        })
    }
}

/// Stores a new order and the first line of its history, in one round trip.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    order: &Order,
    actor: &Actor,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "WITH placed AS (
            INSERT INTO orders (id, user_id, status, items, shipping_address, total_minor,
                currency, notes, created_at, updated_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)
            RETURNING id
        )
        INSERT INTO order_history (order_id, from_status, to_status, actor_kind, actor, at)
        SELECT id, NULL, $3, $10, $11, $9 FROM placed",
    )
    .bind(order.id)
    .bind(order.user_id)
    .bind(order.lifecycle.status.as_str())
    .bind(Json(LineDocument::of(order)))
    .bind(Json(AddressDocument::from(&order.shipping_address)))
    .bind(order.total_minor)
    .bind(order.currency.code())
    .bind(&order.notes)
    .bind(order.created_at)
    .bind(actor.kind())
    .bind(actor.subject())
    .execute(connection)
    .await?;
    Ok(())
}

/// The order with that id.
pub(crate) async fn find(executor: impl PgExecutor<'_>, id: Uuid) -> Result<Option<Order>, sqlx::Error> {
    sqlx::query_as::<_, OrderRow>(
        "SELECT id, user_id, status, items, shipping_address, total_minor, currency, notes,
            confirmed_at, shipped_at, delivered_at, cancelled_at, created_at, updated_at
        FROM orders WHERE id = $1",
    )
    .bind(id)
    .fetch_optional(executor)
    .await?
    .map(OrderRow::into_order)
    .transpose()
}

/// The order with that id, locked until the transaction ends.
pub(crate) async fn lock(connection: &mut PgConnection, id: Uuid) -> Result<Option<Order>, sqlx::Error> {
    sqlx::query_as::<_, OrderRow>(
        "SELECT id, user_id, status, items, shipping_address, total_minor, currency, notes,
            confirmed_at, shipped_at, delivered_at, cancelled_at, created_at, updated_at
        FROM orders WHERE id = $1 FOR UPDATE",
    )
    .bind(id)
    .fetch_optional(connection)
    .await?
    .map(OrderRow::into_order)
    .transpose()
}

/// Stores a step of a locked order's lifecycle and its line of history, in one round trip.
pub(crate) async fn step(
    connection: &mut PgConnection,
    order: &Order,
    from: Status,
    actor: &Actor,
) -> Result<(), sqlx::Error> {
    let lifecycle = &order.lifecycle;
    sqlx::query(
        "WITH stepped AS (
            UPDATE orders SET status = $2, confirmed_at = $3, shipped_at = $4, delivered_at = $5,
                cancelled_at = $6, updated_at = $7
            WHERE id = $1
            RETURNING id
        )
        INSERT INTO order_history (order_id, from_status, to_status, actor_kind, actor, at)
        SELECT id, $8, $2, $9, $10, $7 FROM stepped",
    )
    .bind(order.id)
    .bind(lifecycle.status.as_str())
    .bind(lifecycle.confirmed_at)
    .bind(lifecycle.shipped_at)
    .bind(lifecycle.delivered_at)
    .bind(lifecycle.cancelled_at)
    .bind(order.updated_at)
    .bind(from.as_str())
    .bind(actor.kind())
    .bind(actor.subject())
    .execute(connection)
    .await?;
    Ok(())
}

/// Stores the address and notes of a locked order.
pub(crate) async fn amend(connection: &mut PgConnection, order: &Order) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE orders SET shipping_address = $2, notes = $3, updated_at = $4 WHERE id = $1")
        .bind(order.id)
        .bind(Json(AddressDocument::from(&order.shipping_address)))
        .bind(&order.notes)
        .bind(order.updated_at)
        .execute(connection)
        .await?;
    Ok(())
}
