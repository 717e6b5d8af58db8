//! The files that the pages load, as the build script embeds them.

use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};

/// A script or style sheet.
pub(super) struct Asset {
    name: &'static str,
    /// Where it is served. It contains a hash of the content, so what a browser keeps of it never ages.
    pub(super) path: &'static str,
    content_type: &'static str,
    gzipped: &'static [u8],
}

/// All of them.
pub(super) static ASSETS: &[Asset] = &include!(concat!(env!("OUT_DIR"), "/assets.rs"));

impl Asset {
    /// The file as it lies in the binary. It is compressed for every client: only browsers ask for it.
    pub(super) fn response(&self) -> Response {
        let headers = [
            (CONTENT_TYPE, self.content_type),
            (CONTENT_ENCODING, "gzip"),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (CACHE_CONTROL, "public, max-age=31536000, immutable"),
        ];
        (headers, self.gzipped).into_response()
    }
}

/// `page` with the path of each file in place of its name in braces.
pub(super) fn linked(page: &str) -> String {
    ASSETS
        .iter()
        .fold(page.to_owned(), |page, asset| page.replace(&format!("{{{}}}", asset.name), asset.path))
}
