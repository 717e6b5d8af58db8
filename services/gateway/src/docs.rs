//! `GET /docs`: the reference of the API, to read and to try out. `GET /docs/problems`: where the types of problems
//! lead. Everything that the two load comes from the gateway itself.

mod asset;
mod problems;

use std::sync::LazyLock;

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};

/// Swagger UI's style sheet has its icons in `data:` URLs.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static REFERENCE: LazyLock<String> = LazyLock::new(|| asset::linked(include_str!("docs/reference.html")));
static PROBLEMS: LazyLock<String> = LazyLock::new(|| asset::linked(&problems::page()));

/// The pages and their files.
pub(crate) fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let pages = Router::new()
        .route("/docs", get(async || page(&REFERENCE)))
        .route("/docs/problems", get(async || page(&PROBLEMS)));
    asset::ASSETS.iter().fold(pages, |router, asset| router.route(asset.path, get(async || asset.response())))
}

fn page(content: &'static str) -> Response {
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-cache"),
    ];
    (headers, content).into_response()
}
