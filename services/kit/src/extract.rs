//! Extractors whose rejections are problems: 400 with the field, 413, 415.

mod json;
mod path;
mod query;

pub use json::{Json, ValidJson};
pub use path::Path;
pub use query::Query;
