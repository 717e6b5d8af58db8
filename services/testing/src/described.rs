//! A description of an API, and the names that it goes by.

use http::Method;
use serde_json::Value;

use crate::answer::Answer;
use crate::contract::{Contract, matches};

/// Below it the whole API is described.
const BASE: &str = "/api/v1";
/// What clients may write before any path.
const BASES: [&str; 2] = [BASE, "/api"];
/// Found at the root alone.
const WELL_KNOWN: &str = "/.well-known/";

/// What answers are held against.
pub struct Described {
    contract: Contract,
    names: Names,
}

enum Names {
    /// Of one service: names that older clients use, and the described paths that they stand for.
    Service(Vec<(&'static str, &'static str)>),
    /// Of the whole API, as the gateway leads to it.
    Whole,
}

impl Described {
    /// A service's description. Of each pair in `aliases`, the first is another name of the second.
    pub fn service(document: Value, aliases: Vec<(&'static str, &'static str)>) -> Self {
        Self { contract: Contract::new(document), names: Names::Service(aliases) }
    }

    /// The gateway's description, of every service.
    pub fn whole(document: Value) -> Self {
        Self { contract: Contract::new(document), names: Names::Whole }
    }

    pub(crate) fn stop_at_differences(&self, method: &Method, path: &str, answer: &Answer) {
        let differences = self.differences(method, path, answer);
        assert!(differences.is_empty(), "{}\nin {}", differences.join("\n"), answer.text);
    }

    fn differences(&self, method: &Method, path: &str, answer: &Answer) -> Vec<String> {
        let described = match &self.names {
            Names::Service(aliases) => {
                let alias = aliases.iter().find(|(alias, _)| matches(alias, path));
                // A parameter's value does not matter where only the described path is looked for.
                alias.map_or(path, |(_, described)| described).to_owned()
            }
            Names::Whole => whole(path),
        };
        if let Some(differences) = self.contract.differences(method, &described, answer) {
            return differences;
        }
        // Of a single service some routes are not described, because only other services ask them.
        let leads_nowhere = answer.status == http::StatusCode::NOT_FOUND || !described.starts_with(BASE);
        match self.names {
            Names::Whole if !leads_nowhere => vec![format!("{method} {path} is not described, and answers")],
            Names::Whole | Names::Service(_) => Vec::new(),
        }
    }
}

/// The name under which the gateway's description has a path, if a service answers it.
fn whole(path: &str) -> String {
    let below = |prefix: &str, path: &str| {
        let rest = path.strip_prefix(prefix)?;
        (rest.is_empty() || rest.starts_with('/')).then(|| rest.to_owned())
    };
    let bare = BASES.iter().find_map(|base| below(base, path)).unwrap_or_else(|| path.to_owned());
    if bare.starts_with(WELL_KNOWN) {
        return bare;
    }
    let routes = topology::SERVICES.iter().flat_map(|service| service.routes);
    let leading = routes.filter_map(|route| Some((route, below(route.prefix, &bare)?)));
    match leading.max_by_key(|(route, _)| route.prefix.len()) {
        Some((route, rest)) => format!("{BASE}{}{rest}", route.target),
        None => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, StatusCode};
    use serde_json::json;

    use super::*;

    #[test]
    fn every_name_of_a_route_leads_to_its_description() {
        for (path, described) in [
            ("/orders/7", "/api/v1/orders/7"),
            ("/api/orders/7", "/api/v1/orders/7"),
            ("/api/v1/orders/7", "/api/v1/orders/7"),
            ("/users/login", "/api/v1/auth/login"),
            ("/api/users/7", "/api/v1/auth/users/7"),
            ("/.well-known/jwks.json", "/.well-known/jwks.json"),
            ("/api/v1/dead-letters", "/api/v1/dead-letters"),
            ("/health", "/health"),
            ("/orders-admin", "/orders-admin"),
        ] {
            assert_eq!(whole(path), described);
        }
    }

    #[test]
    fn what_answers_and_is_not_described_is_a_difference_of_the_whole_api_alone() {
        let nothing = || json!({ "paths": {} });
        let answer = |status: u16| Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            text: String::new(),
        };
        let differences = |described: &Described, path: &str, status| {
            described.differences(&Method::GET, path, &answer(status)).len()
        };
        let whole = Described::whole(nothing());
        assert_eq!(differences(&whole, "/orders/secret", 200), 1);
        assert_eq!(differences(&whole, "/orders/secret", 404), 0);
        assert_eq!(differences(&whole, "/health", 200), 0);
        let service = Described::service(nothing(), Vec::new());
        assert_eq!(differences(&service, "/internal/orders", 200), 0);
    }
}
