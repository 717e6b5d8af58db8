//! The HTTP API.

mod access;
mod dead_letters;
mod notifications;

use std::sync::Arc;

use axum::Router;
use kit::openapi::Summary;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) use access::access;

use crate::app::deliver::Notifier;

/// What the description says of the service.
const SUMMARY: Summary = Summary {
    title: "ShopFlow notifications",
    description: "What was sent to customers, and what could not be",
};

/// Every route with its description.
fn routes() -> OpenApiRouter<Arc<Notifier>> {
    OpenApiRouter::default()
        .routes(routes!(notifications::list))
        .routes(routes!(notifications::list_of_user))
        .routes(routes!(notifications::find))
        .routes(routes!(dead_letters::list))
        .routes(routes!(dead_letters::redrive))
}

/// Every route.
pub(crate) fn router() -> Router<Arc<Notifier>> {
    routes().into()
}

/// The description of every route.
pub(crate) fn openapi() -> OpenApi {
    kit::openapi::complete(routes().into_openapi(), SUMMARY, &access())
}
