//! Which service answers a path, and under which path that service knows it.
//!
//! A service serves bare paths (`/orders`). The gateway accepts each also below `/api/v1` and `/api`,
//! and under the names that older clients use; the table says all of it.

/// How often a caller may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Budget {
    /// Counted against the address: accounts, sign-in, tokens.
    Auth,
    /// Counted against the user: orders and carts.
    Orders,
    /// Not counted.
    Unlimited,
}

/// One row: paths that begin with `prefix` go to `service`, with `prefix` replaced by `target`.
#[derive(Debug, Clone, Copy)]
struct Route {
    prefix: &'static str,
    service: &'static str,
    target: &'static str,
    budget: Budget,
}

impl Route {
    /// A path that the service itself serves.
    const fn canonical(prefix: &'static str, service: &'static str, budget: Budget) -> Self {
        Self { prefix, service, target: prefix, budget }
    }

    /// Another name for a path of auth, the only service that older documents name differently.
    const fn alias(prefix: &'static str, target: &'static str) -> Self {
        Self { prefix, service: "auth", target, budget: Budget::Auth }
    }
}

/// Bases that clients may put before any path.
const BASES: [&str; 2] = ["/api/v1", "/api"];

/// The table. The longest matching prefix wins, so the order of rows means nothing.
const ROUTES: &[Route] = &[
    // Verifiers everywhere read the keys; counting them would stop a site, not an attacker.
    Route::canonical("/.well-known", "auth", Budget::Unlimited),
    Route::canonical("/auth", "auth", Budget::Auth),
    Route::canonical("/users/profile", "auth", Budget::Auth),
    Route::canonical("/users/reset-password", "auth", Budget::Auth),
    Route::canonical("/users/verify-email", "auth", Budget::Auth),
    Route::canonical("/users/addresses", "auth", Budget::Auth),
    Route::canonical("/users/preferences", "auth", Budget::Auth),
    Route::canonical("/users/export", "auth", Budget::Auth),
    Route::alias("/users/register", "/auth/register"),
    Route::alias("/users/login", "/auth/login"),
    Route::alias("/users", "/auth/users"),
    Route::alias("/register", "/auth/register"),
    Route::alias("/login", "/auth/login"),
    Route::alias("/validate-token", "/auth/validate"),
    Route::canonical("/orders", "order", Budget::Orders),
    Route::canonical("/cart", "order", Budget::Orders),
    Route::canonical("/notifications", "notification", Budget::Unlimited),
];

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// Name of the service, as in `topology`.
    pub(crate) service: &'static str,
    /// Path at the service, without the query.
    pub(crate) path: String,
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
pub(crate) fn resolve(path: &str) -> Result<Target, RouteError> {
    if is_ambiguous(path) {
        return Err(RouteError::Ambiguous);
    }
    let bare = BASES.iter().find_map(|base| below(base, path)).unwrap_or(path);
    ROUTES
        .iter()
        .filter_map(|route| below(route.prefix, bare).map(|rest| (route, rest)))
        .max_by_key(|(route, _)| route.prefix.len())
        .map(|(route, rest)| Target {
            service: route.service,
            path: format!("{}{rest}", route.target),
            budget: route.budget,
        })
        .ok_or(RouteError::Unknown)
}

/// Patterns for the router that together match every path of the table; [`resolve`] decides about each.
/// One a row, so that metrics tell the rows apart.
pub(crate) fn patterns() -> impl Iterator<Item = String> {
    let bases = BASES.into_iter().chain([""]);
    bases.flat_map(|base| {
        ROUTES
            .iter()
            .flat_map(move |route| ["", "/", "/{*rest}"].map(|rest| format!("{base}{}{rest}", route.prefix)))
    })
}

/// Every service the table leads to, each once, in the table's order.
pub(crate) fn services() -> Vec<&'static str> {
    let mut names: Vec<&'static str> = Vec::new();
    for route in ROUTES {
        if !names.contains(&route.service) {
            names.push(route.service);
        }
    }
    names
}

/// What follows `prefix`, when it ends where a segment of `path` ends.
fn below<'path>(prefix: &str, path: &'path str) -> Option<&'path str> {
    path.strip_prefix(prefix).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether a service could read another path here than the table does: `..`, `//`, `%2F` and the like.
fn is_ambiguous(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    let encoded = ["%2f", "%5c", "%00", "\\"].iter().any(|separator| lower.contains(separator));
    let mut segments = lower.split('/').skip(1).peekable();
    let mut relative = false;
    while let Some(segment) = segments.next() {
        let plain = segment.replace("%2e", ".");
        let empty = segment.is_empty() && segments.peek().is_some();
        relative |= empty || plain == "." || plain == "..";
    }
    encoded || relative
}

#[cfg(test)]
mod tests;
