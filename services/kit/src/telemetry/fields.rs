//! Fields of a span or an event, rendered once.

use std::fmt::{self, Write};
use std::ops::Range;

use tracing::field::{Field, Visit};

use super::json;

/// Fields with this prefix are for exporters, and stand in no line.
pub(super) const EXPORT_ONLY: &str = "otel.";

/// Rendered fields: each is `,"name":value` in one text. A field that is recorded again replaces the one before.
#[derive(Debug, Default)]
pub(super) struct Fields {
    text: String,
    parts: Vec<Part>,
    /// Name that `message` is given.
    message: Option<&'static str>,
}

#[derive(Debug, Clone, Copy)]
struct Part {
    name: &'static str,
    start: usize,
    end: usize,
}

impl Fields {
    /// Room for the fields of a request, so that rendering does not allocate for each.
    pub(super) fn with_room() -> Self {
        Self { text: String::with_capacity(192), parts: Vec::with_capacity(8), message: None }
    }

    /// The same fields, in which `message` is called `name` from now on.
    pub(super) fn call_message(&mut self, name: Option<&'static str>) -> &mut Self {
        self.message = name;
        self
    }

    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.parts.clear();
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.parts.iter().any(|part| part.name == name)
    }

    /// Names, each with its `,"name":value`, in the order in which they were recorded.
    pub(super) fn parts(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.parts.iter().map(|part| (part.name, &self.text[part.start..part.end]))
    }

    fn put(&mut self, field: &Field, write: impl FnOnce(&mut String)) {
        let name = match (field.name(), self.message) {
            ("message", Some(name)) => name,
            (name, _) if name.starts_with(EXPORT_ONLY) => return,
            (name, _) => name,
        };
        if let Some(index) = self.parts.iter().position(|part| part.name == name) {
            self.remove(index);
        }
        let start = self.text.len();
        self.text.push(',');
        json::string(&mut self.text, name);
        self.text.push(':');
        write(&mut self.text);
        self.parts.push(Part { name, start, end: self.text.len() });
    }

    fn remove(&mut self, index: usize) {
        let Part { start, end, .. } = self.parts.remove(index);
        let removed: Range<usize> = start..end;
        self.text.replace_range(removed.clone(), "");
        for part in &mut self.parts[index..] {
            part.start -= removed.len();
            part.end -= removed.len();
        }
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, |out| json::float(out, value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, |out| {
            let _ = write!(out, "{value}");
        });
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, |out| {
            let _ = write!(out, "{value}");
        });
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, |out| out.push_str(if value { "true" } else { "false" }));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, |out| json::string(out, value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, |out| json::display(out, format_args!("{value:?}")));
    }
}
