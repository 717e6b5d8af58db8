//! Events that reach a service: durable consumers whose effects happen once.
//!
//! A handler opens a transaction, calls [`record`], and does nothing more when that says false. Then a
//! second delivery changes nothing. Failures are tried again after 1, 4 and 16 s; what still fails, cannot
//! be read, or ended its process each time, goes to `dlx.<subject>.failed` with its cause.

mod dead_letter;
mod delivery;
mod handlers;
mod runner;

pub use delivery::Delivery;
pub use handlers::{HandleError, Handler, Handlers};
pub(crate) use runner::Outcomes;
pub use runner::{MAX_ATTEMPTS, Runner};

use sqlx::PgConnection;
use uuid::Uuid;

/// Notes, in the transaction of the effect, that `durable` acted on the event. False when it did before.
pub async fn record(
    transaction: &mut PgConnection,
    durable: &str,
    event_id: Uuid,
) -> Result<bool, sqlx::Error> {
    crate::store::inbox::insert(transaction, durable, event_id).await
}
