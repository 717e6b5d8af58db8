//! `GET /orders/{id}/history`.

use axum::extract::State;
use kit::auth::{Identity, Role};
use kit::extract::{Json, Path};
use kit::problem::{Problem, ProblemBody};
use kit::timestamp::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::caller::reach;
use crate::app::Orders;
use crate::domain::HistoryEntry;

/// Every state an order was in.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HistoryBody {
    /// Oldest first.
    data: Vec<EntryBody>,
}

/// One change of state.
#[derive(Debug, Serialize, ToSchema)]
struct EntryBody {
    /// State before; null when the order was placed.
    previous_status: Option<&'static str>,
    /// State after.
    status: &'static str,
    /// `customer`, `admin` or `service`.
    changed_by: String,
    /// When.
    changed_at: Timestamp,
}

impl From<HistoryEntry> for EntryBody {
    fn from(entry: HistoryEntry) -> Self {
        Self {
            previous_status: entry.from.map(crate::domain::Status::as_str),
            status: entry.to.as_str(),
            changed_by: entry.actor_kind,
            changed_at: entry.at.into(),
        }
    }
}

/// Every state the order was in, oldest first.
#[utoipa::path(
    get, path = "/orders/{id}/history", tag = "orders", operation_id = "get_order_history",
    security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "The order")),
    responses(
        (status = 200, body = HistoryBody),
        (status = 400, body = ProblemBody, description = "The id is no UUID"),
        (status = 401, body = ProblemBody),
        (status = 403, body = ProblemBody, description = "Somebody else's order"),
        (status = 404, body = ProblemBody),
    )
)]
pub(super) async fn history(
    State(orders): State<Orders>,
    identity: Identity,
    Path(id): Path<Uuid>,
) -> Result<Json<HistoryBody>, Problem> {
    let reach = reach(&identity, &[Role::Admin])?;
    let entries = orders.history(id, reach).await?;
    Ok(Json(HistoryBody { data: entries.into_iter().map(Into::into).collect() }))
}
