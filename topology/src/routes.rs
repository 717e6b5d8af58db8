//! What the gateway forwards.

/// How often a caller may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Budget {
    /// Counted against the address: accounts, sign-in, tokens.
    Auth,
    /// Counted against the user: orders and carts.
    Orders,
    /// Not counted.
    Unlimited,
}

/// Paths that begin with `prefix` go to the service that declares it, with `target` in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// Beginning of the path that clients ask for; it ends where a segment ends.
    pub prefix: &'static str,
    /// What the service knows it as.
    pub target: &'static str,
    /// How often a caller may use it.
    pub budget: Budget,
}

impl Route {
    /// Paths that the service serves under the same name.
    pub(crate) const fn served(prefix: &'static str, budget: Budget) -> Self {
        Self { prefix, target: prefix, budget }
    }

    /// Another name, from older clients, for paths that the service serves as `target`.
    pub(crate) const fn alias(prefix: &'static str, target: &'static str, budget: Budget) -> Self {
        Self { prefix, target, budget }
    }

    /// Whether it is only another name.
    pub fn is_alias(&self) -> bool {
        self.prefix != self.target
    }
}
