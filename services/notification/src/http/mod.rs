//! The HTTP API.

mod access;
mod dead_letters;
mod notifications;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) use access::access;

use crate::app::deliver::Notifier;

/// Every route with its description.
pub(crate) fn routes() -> OpenApiRouter<Arc<Notifier>> {
    OpenApiRouter::default()
        .routes(routes!(notifications::list))
        .routes(routes!(notifications::list_of_user))
        .routes(routes!(notifications::find))
        .routes(routes!(dead_letters::list))
        .routes(routes!(dead_letters::redrive))
}
