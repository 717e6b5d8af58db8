//! Which service answers a path, and under which path that service knows it.
//!
//! A service serves bare paths (`/orders`). The gateway accepts each also below `/api/v1` and `/api`, and under the
//! names that older clients use; the topology's table says which.

use std::borrow::Cow;
use std::sync::LazyLock;

use topology::{Budget, Route};

/// Bases that clients may put before any path.
const BASES: [&str; 2] = ["/api/v1", "/api"];

/// One row of the topology's table, with the service that declares it.
struct Row {
    service: &'static str,
    route: Route,
}

/// Longest prefix first, so that the first row that matches is the one.
static TABLE: LazyLock<Vec<Row>> = LazyLock::new(|| {
    let rows = topology::SERVICES
        .iter()
        .flat_map(|service| service.routes.iter().map(|route| Row { service: service.name, route: *route }));
    let mut rows: Vec<Row> = rows.collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.route.prefix.len()));
    rows
});

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target<'path> {
    /// Name of the service, as in `topology`.
    pub(crate) service: &'static str,
    /// The row's prefix, which tells the rows apart in metrics.
    pub(crate) route: &'static str,
    /// Path at the service, without the query.
    pub(crate) path: Cow<'path, str>,
    /// What the request is counted against.
    pub(crate) budget: Budget,
}

/// Why a path leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RouteError {
    /// No row matches.
    #[error("no service serves this path")]
    Unknown,
    /// The path means different things to different readers, so no one may act on it.
    #[error("the path contains an empty, relative or encoded segment separator")]
    Ambiguous,
}

/// Finds the service of a raw request path (percent-encoded, without the query).
pub(crate) fn resolve(path: &str) -> Result<Target<'_>, RouteError> {
    if is_ambiguous(path) {
        return Err(RouteError::Ambiguous);
    }
    let bare = BASES.iter().find_map(|base| below(base, path)).unwrap_or(path);
    let found = TABLE.iter().find_map(|row| below(row.route.prefix, bare).map(|rest| (row, rest)));
    let (Row { service, route }, rest) = found.ok_or(RouteError::Unknown)?;
    let path = if route.is_alias() { format!("{}{rest}", route.target).into() } else { bare.into() };
    Ok(Target { service, route: route.prefix, path, budget: route.budget })
}

/// Every service the table leads to, each once.
pub(crate) fn services() -> Vec<&'static str> {
    let routed = topology::SERVICES.iter().filter(|service| !service.routes.is_empty());
    routed.map(|service| service.name).collect()
}

/// What follows `prefix`, when it ends where a segment of `path` ends.
fn below<'path>(prefix: &str, path: &'path str) -> Option<&'path str> {
    path.strip_prefix(prefix).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether a service could read another path here than the table does: `..`, `//`, `%2F` and the like.
fn is_ambiguous(path: &str) -> bool {
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let empty = segment.is_empty() && segments.peek().is_some();
        if empty || is_relative(segment) || hides_separator(segment) {
            return true;
        }
    }
    false
}

/// `.` or `..`, each dot perhaps as `%2e`.
fn is_relative(segment: &str) -> bool {
    let mut rest = segment.as_bytes();
    let mut dots = 0;
    while !rest.is_empty() {
        rest = match rest {
            [b'.', rest @ ..] | [b'%', b'2', b'e' | b'E', rest @ ..] => rest,
            _ => return false,
        };
        dots += 1;
    }
    (1..=2).contains(&dots)
}

/// A backslash, or an encoded `/`, `\` or end of text.
fn hides_separator(segment: &str) -> bool {
    let encoded = |bytes: &[u8]| {
        matches!(bytes, [b'%', b'2', b'f' | b'F'] | [b'%', b'5', b'c' | b'C'] | [b'%', b'0', b'0'])
    };
    segment.contains('\\') || (segment.contains('%') && segment.as_bytes().windows(3).any(encoded))
}

#[cfg(test)]
mod tests;
