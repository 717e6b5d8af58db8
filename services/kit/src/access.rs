//! Who may use which route, as data.
//!
//! Each service keeps one table of [`Rule`]s, a line for each route. The layer that [`Access::protect`] adds refuses
//! by it before anything of a request but its route and its token is looked at; the description of the API shows it;
//! and the tests ask every caller at every route what it says. A route without a rule answers nobody.

mod guard;
mod rule;

use std::collections::HashMap;

use axum::Router;
use http::Method;

use crate::auth::Verifier;

pub use guard::{Caller, Scope};
pub use rule::{Rule, Who};

/// The rules of a service's routes.
#[derive(Debug, Clone, Default)]
pub struct Access {
    rules: Vec<&'static Rule>,
    by_path: HashMap<&'static str, Vec<&'static Rule>>,
}

impl Access {
    /// The rules of a table.
    pub fn new(rules: &'static [Rule]) -> Self {
        Self::default().and(rules)
    }

    /// These rules and those of another table, of routes that come from elsewhere.
    #[must_use]
    pub fn and(mut self, rules: &'static [Rule]) -> Self {
        for rule in rules {
            self.rules.push(rule);
            for path in rule.paths() {
                self.by_path.entry(path).or_default().push(rule);
            }
        }
        self
    }

    /// Every rule, in the order of the tables.
    pub fn rules(&self) -> impl Iterator<Item = &'static Rule> {
        self.rules.iter().copied()
    }

    /// The rule of a route; `path` is its template, such as `/orders/{id}`. `HEAD` is answered like `GET`.
    pub fn rule(&self, method: &Method, path: &str) -> Option<&'static Rule> {
        let method = if method == Method::HEAD { "GET" } else { method.as_str() };
        self.by_path.get(path)?.iter().copied().find(|rule| rule.method() == method)
    }

    /// Methods that a path has rules for, with `HEAD` where there is `GET`.
    pub(crate) fn methods(&self, path: &str) -> Vec<&'static str> {
        let ruled = self.by_path.get(path).into_iter().flatten().map(|rule| rule.method());
        ruled.flat_map(|method| if method == "GET" { vec![method, "HEAD"] } else { vec![method] }).collect()
    }

    /// `router` with every one of its routes behind its rule. Add routes before, not after.
    pub fn protect<S: Clone + Send + Sync + 'static>(
        self,
        router: Router<S>,
        verifier: Verifier,
    ) -> Router<S> {
        guard::protect(router, self, verifier)
    }
}
