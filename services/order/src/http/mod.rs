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

/// The collection under the names that older clients give it.
pub(crate) fn aliases() -> Router<Orders> {
    let collection = || get(list::list).post(place::place);
    access::COLLECTION.iter().fold(Router::new(), |router, path| router.route(path, collection()))
}
