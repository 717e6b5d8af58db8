//! The HTTP API. A handler is: extractors, who may, one use case, the answer.

mod access;
mod amend;
mod body;
mod cancel;
mod get;
mod history;
mod list;
mod place;
mod problem;
mod snapshot;
mod status;

use axum::Router;
use axum::routing::get;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) use access::access;

use crate::app::Orders;

/// Every route with its description.
pub(crate) fn routes() -> OpenApiRouter<Orders> {
    OpenApiRouter::default()
        .routes(routes!(place::place, list::list))
        .routes(routes!(get::get, amend::amend, cancel::delete))
        .routes(routes!(list::list_of_user))
        .routes(routes!(status::get, status::patch, status::put))
        .routes(routes!(history::history))
        .routes(routes!(cancel::cancel))
}

/// Every route that is not described: the collection under the names that older clients give it, and what other
/// services ask.
pub(crate) fn undescribed() -> Router<Orders> {
    let internal = Router::new()
        .route("/internal/orders", get(snapshot::page))
        .route("/internal/orders/{id}", get(snapshot::one));
    let collection = || get(list::list).post(place::place);
    access::COLLECTION.iter().fold(internal, |router, path| router.route(path, collection()))
}
