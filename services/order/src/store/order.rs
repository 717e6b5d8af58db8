//! Single orders.

use kit::database::{Error, Json, Query, Row, Transaction};
use kit::values;
use uuid::Uuid;

use super::document::{AddressDocument, LineDocument, decode, parse};
use crate::domain::{Actor, Lifecycle, Order, Status};

/// The constraint that no two orders have the same number.
pub(crate) const NUMBER: &str = "orders_number";

/// What [`order`] reads, in any order.
macro_rules! columns {
    () => {
        "id, number, user_id, status, items, shipping_address, total_minor, currency, notes, version, confirmed_at, \
         shipped_at, delivered_at, cancelled_at, created_at, updated_at"
    };
}

fn order(row: &Row) -> Result<Order, Error> {
    let currency = parse("currency", row.try_get("currency")?)?;
    let Json(lines): Json<Vec<LineDocument>> = row.try_get("items")?;
    let Json(address): Json<AddressDocument> = row.try_get("shipping_address")?;
    Ok(Order {
        id: row.try_get("id")?,
        number: parse("number", row.try_get("number")?)?,
        user_id: row.try_get("user_id")?,
        version: row.try_get("version")?,
        lifecycle: Lifecycle {
            status: parse("status", row.try_get("status")?)?,
            confirmed_at: row.try_get("confirmed_at")?,
            shipped_at: row.try_get("shipped_at")?,
            delivered_at: row.try_get("delivered_at")?,
            cancelled_at: row.try_get("cancelled_at")?,
        },
        lines: lines
            .into_iter()
            .map(|line| line.into_line(currency))
            .collect::<Result<_, _>>()
            .map_err(|error| decode("items", error))?,
        shipping_address: address.into_address(),
        total_minor: row.try_get("total_minor")?,
        currency,
        notes: row.try_get("notes")?,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
    })
}

/// Stores a new order and the first line of its history, at the commit.
pub(crate) fn insert(transaction: &mut Transaction, order: &Order, actor: &Actor) {
    let status = order.lifecycle.status.as_str();
    let (items, address) =
        (Json(LineDocument::of(order)), Json(AddressDocument::from(&order.shipping_address)));
    transaction.defer(
        "INSERT INTO orders (id, user_id, status, items, shipping_address, total_minor, currency, notes, version,
             created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)",
        values![
            order.id,
            order.user_id,
            status,
            items,
            address,
            order.total_minor,
            order.currency.code().to_owned(),
            order.notes.clone(),
            order.version,
            order.created_at,
            order.number.to_string(),
        ],
    );
    transaction.defer(
        "INSERT INTO order_history (order_id, from_status, to_status, actor_kind, actor, at)
         VALUES ($1, NULL, $2, $3, $4, $5)",
        values![order.id, status, actor.kind(), actor.subject(), order.created_at],
    );
}

/// The order with that id.
pub(crate) async fn find(db: impl Query, id: Uuid) -> Result<Option<Order>, Error> {
    let sql = concat!("SELECT ", columns!(), " FROM orders WHERE id = $1");
    db.row_opt(sql, &[&id]).await?.as_ref().map(order).transpose()
}

/// The order with that id, locked until the transaction ends.
pub(crate) async fn lock(transaction: &mut Transaction, id: Uuid) -> Result<Option<Order>, Error> {
    let sql = concat!("SELECT ", columns!(), " FROM orders WHERE id = $1 FOR UPDATE");
    transaction.row_opt(sql, &[&id]).await?.as_ref().map(order).transpose()
}

/// Stores a step of a locked order's lifecycle and its line of history, in one exchange.
pub(crate) async fn step(
    transaction: &mut Transaction,
    order: &Order,
    from: Status,
    actor: &Actor,
) -> Result<(), Error> {
    let lifecycle = &order.lifecycle;
    let sql = "
        WITH stepped AS (
            UPDATE orders SET status = $2, confirmed_at = $3, shipped_at = $4, delivered_at = $5,
                cancelled_at = $6, updated_at = $7, version = $8
            WHERE id = $1
            RETURNING id
        )
        INSERT INTO order_history (order_id, from_status, to_status, actor_kind, actor, at)
        SELECT id, $9, $2, $10, $11, $7 FROM stepped";
    transaction
        .execute(
            sql,
            &[
                &order.id,
                &lifecycle.status.as_str(),
                &lifecycle.confirmed_at,
                &lifecycle.shipped_at,
                &lifecycle.delivered_at,
                &lifecycle.cancelled_at,
                &order.updated_at,
                &order.version,
                &from.as_str(),
                &actor.kind(),
                &actor.subject(),
            ],
        )
        .await
        .map(|_| ())
}

/// Stores the address and notes of a locked order.
pub(crate) async fn amend(transaction: &mut Transaction, order: &Order) -> Result<(), Error> {
    let sql =
        "UPDATE orders SET shipping_address = $2, notes = $3, updated_at = $4, version = $5 WHERE id = $1";
    let address = Json(AddressDocument::from(&order.shipping_address));
    transaction
        .execute(sql, &[&order.id, &address, &order.notes, &order.updated_at, &order.version])
        .await
        .map(|_| ())
}
