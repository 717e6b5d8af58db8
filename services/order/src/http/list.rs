//! `GET /orders` and `GET /orders/user/{user_id}`.

use axum::extract::State;
use kit::access::Caller;
use kit::extract::{Json, Path, Query};
use kit::paging::{Direction, Listing, PageQuery};
use kit::problem::Problem;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::body::SummaryBody;
use crate::app::Orders;
use crate::domain::{Filter, Number, SortBy, Status};

/// Which orders, and in which order.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// Only orders in this state.
    #[param(inline)]
    status: Option<Status>,
    /// What to sort by; `created_at` when absent.
    #[param(inline)]
    sort_by: Option<SortBy>,
    /// Direction of the sort; `desc` when absent.
    #[param(inline)]
    sort_dir: Option<Direction>,
    /// Only the order with this number, such as 7K4M-9PR2-XHTF, in either case, with or without hyphens and spaces.
    q: Option<String>,
    /// Adds to each order what a single one has beside: its number, customer and last change.
    #[param(inline)]
    include: Option<Include>,
}

/// What a list shows beside its own fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Include {
    Details,
}

/// The number that a list is searched for.
fn number(q: Option<&str>) -> Result<Option<Number>, Problem> {
    let misread = |_| {
        let message =
            "must be an order's number, such as 7K4M-9PR2-XHTF; if it was one, a character is wrong";
        Problem::field("q", "invalid", message)
    };
    q.map(str::parse).transpose().map_err(misread)
}

/// The caller's orders; an admin's list holds everyone's.
#[utoipa::path(
    get, path = "/orders", tag = "orders", operation_id = "list_orders",
    params(PageQuery, ListQuery),
    responses((status = 200, description = "A page of orders", body = Listing<SummaryBody>))
)]
pub(super) async fn list(
    State(orders): State<Orders>,
    caller: Caller,
    Query((page, query)): Query<(PageQuery, ListQuery)>,
) -> Result<Json<Listing<SummaryBody>>, Problem> {
    answer(&orders, caller.scope().owner(), &page, query).await
}

/// The orders of one customer.
#[utoipa::path(
    get, path = "/orders/user/{user_id}", tag = "orders", operation_id = "list_orders_of_user",
    params(("user_id" = Uuid, Path, description = "The customer"), PageQuery, ListQuery),
    responses((status = 200, description = "A page of orders", body = Listing<SummaryBody>))
)]
pub(super) async fn list_of_user(
    State(orders): State<Orders>,
    _: Caller,
    Path(user_id): Path<Uuid>,
    Query((page, query)): Query<(PageQuery, ListQuery)>,
) -> Result<Json<Listing<SummaryBody>>, Problem> {
    answer(&orders, Some(user_id), &page, query).await
}

async fn answer(
    orders: &Orders,
    user_id: Option<Uuid>,
    page: &PageQuery,
    query: ListQuery,
) -> Result<Json<Listing<SummaryBody>>, Problem> {
    let filter = Filter { user_id, status: query.status, number: number(query.q.as_deref())? };
    let detailed = query.include == Some(Include::Details);
    let (sort_by, direction) = (query.sort_by.unwrap_or_default(), query.sort_dir.unwrap_or_default());
    let list = sort_by.list(direction, filter);
    let window = page.window(&list)?;
    let slice = orders.list(filter, sort_by, direction, &window).await?;
    Ok(Json(list.answer(&window, slice, |row| SummaryBody::new(&row, detailed))))
}
