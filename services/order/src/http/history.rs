//! `GET /orders/{id}/history`.

use axum::extract::State;
use kit::access::Caller;
use kit::extract::{Json, Path};
use kit::problem::codes::NotFound;
use kit::problem::{Problem, Problems};
use kit::timestamp::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::app::Orders;
use crate::domain::{HistoryEntry, Status};

/// Every state an order was in.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrderHistory)]
pub(super) struct HistoryBody {
    /// Oldest first.
    data: Vec<EntryBody>,
}

/// One change of state.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrderHistoryEntry)]
struct EntryBody {
    /// State before; null when the order was placed.
    #[schema(required)]
    previous_status: Option<Status>,
    /// State after.
    status: Status,
    /// `customer`, `admin` or `service`.
    #[schema(example = "customer")]
    changed_by: String,
    /// When.
    changed_at: Timestamp,
}

impl From<HistoryEntry> for EntryBody {
    fn from(entry: HistoryEntry) -> Self {
        Self {
            previous_status: entry.from,
            status: entry.to,
            changed_by: entry.actor_kind,
            changed_at: entry.at.into(),
        }
    }
}

/// Every state the order was in, oldest first.
#[utoipa::path(
    get, path = "/orders/{id}/history", tag = "orders", operation_id = "get_order_history",
    params(("id" = Uuid, Path, description = "The order")),
    responses((status = 200, description = "Its states", body = HistoryBody), Problems<NotFound>)
)]
pub(super) async fn history(
    State(orders): State<Orders>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<HistoryBody>, Problem> {
    let entries = orders.history(id, caller.scope()).await?;
    Ok(Json(HistoryBody { data: entries.into_iter().map(Into::into).collect() }))
}
