//! Extractors whose rejections are problems: 400 with the field, 413, 415.

mod json;
mod objects;
mod path;
mod query;
mod wording;

pub use json::{Json, body};
pub(crate) use json::{decode, read};
pub use path::Path;
pub use query::Query;
