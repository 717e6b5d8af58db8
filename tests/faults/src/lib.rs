//! What the replicas publish, also for tests that publish by themselves.

use kit::clock::{Clock as _, SystemClock};
use kit::database::{Aggregate, Database, Error, Query as _};
use kit::events::{Destination, OrderShipped};
use kit::timestamp::Timestamp;
use uuid::Uuid;

/// The next version of an order, and the event that tells of it, in one transaction. Returns the event's id.
pub async fn ship(database: &Database, id: Uuid) -> Result<Uuid, Error> {
    let mut transaction = database.begin().await?;
    let sql = "INSERT INTO orders VALUES ($1, 1) ON CONFLICT (id) DO UPDATE SET version = orders.version + 1
        RETURNING version";
    let sequence = transaction.row(sql, &[&id]).await?.try_get(0)?;
    let event = OrderShipped {
        order_id: id,
        user_id: id,
        status: "shipped".to_owned(),
        shipped_at: Timestamp::now(&SystemClock),
        shipping_address: Destination {
            city: "Springfield".to_owned(),
            state: None,
            country: "US".to_owned(),
        },
    };
    let event_id = transaction.publish(Aggregate { id, sequence }, SystemClock.now(), &event)?;
    transaction.commit().await?;
    Ok(event_id)
}

/// The table that [`ship`] writes, beside kit's own.
pub const ORDERS: &str = "CREATE TABLE orders (id uuid PRIMARY KEY, version bigint NOT NULL)";
