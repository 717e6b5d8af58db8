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
use kit::openapi::Summary;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) use access::access;

use crate::app::Orders;

/// What the description says of the service.
const SUMMARY: Summary = Summary { title: "ShopFlow orders", description: "Orders and their state machine" };

/// Every route with its description.
fn routes() -> OpenApiRouter<Orders> {
    OpenApiRouter::default()
        .routes(routes!(place::place, list::list))
        .routes(routes!(get::get, amend::amend, cancel::delete))
        .routes(routes!(list::list_of_user))
        .routes(routes!(status::get, status::patch, status::put))
        .routes(routes!(history::history))
        .routes(routes!(cancel::cancel))
}

/// Every route, those under older names too.
pub(crate) fn router() -> Router<Orders> {
    let collection = || get(list::list).post(place::place);
    let router: Router<Orders> = routes().into();
    access::COLLECTION.iter().fold(router, |router, path| router.route(path, collection()))
}

/// The description of the API.
pub(crate) fn openapi() -> OpenApi {
    kit::openapi::complete(routes().into_openapi(), SUMMARY, &access())
}
