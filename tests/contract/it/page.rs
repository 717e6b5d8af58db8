//! docs/api.md names every route that the gateway describes, and says of each what the description says.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

/// Codes that the page explains once, for every route.
const COMMON: &[&str] = &[
    "bad_gateway",
    "bad_request",
    "forbidden",
    "gateway_timeout",
    "idempotency_in_flight",
    "idempotency_key_reused",
    "request_timeout",
    "too_large",
    "too_many_requests",
    "unauthorized",
    "unavailable",
    "unsupported_media_type",
    "validation",
];

/// What the page says of a route.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    who: String,
    answers: String,
    /// Codes beside [`COMMON`], sorted.
    refuses_with: Vec<String>,
}

fn read(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The page's rows, by method and path: `| GET | `/orders` | who | what | answers | refuses with |`.
fn page() -> BTreeMap<String, Row> {
    let text = read("docs/api.md");
    let rows = text.lines().filter_map(|line| {
        let cells: Vec<&str> = line.strip_prefix('|')?.strip_suffix('|')?.split('|').map(str::trim).collect();
        let [method, path, who, _, answers, codes] = cells[..] else { return None };
        let path = path.strip_prefix('`')?.strip_suffix('`')?;
        let mut refuses_with: Vec<String> =
            codes.split(',').map(|code| code.trim().trim_matches('`').to_owned()).collect();
        refuses_with.retain(|code| !code.is_empty());
        refuses_with.sort();
        let row = Row { who: who.to_owned(), answers: answers.to_owned(), refuses_with };
        Some((format!("{method} {path}"), row))
    });
    rows.collect()
}

/// The same of the merged description, which the gateway's own tests hold against what it serves.
fn description() -> BTreeMap<String, Row> {
    let document: Value = serde_json::from_str(&read("services/gateway/openapi.json")).unwrap();
    let mut rows = BTreeMap::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let path = path.strip_prefix("/api/v1").unwrap_or(path);
            rows.insert(format!("{} {path}", method.to_uppercase()), row(operation));
        }
    }
    rows
}

fn row(operation: &Value) -> Row {
    let text = operation["description"].as_str().unwrap();
    let sentence = text.lines().find_map(|line| line.strip_prefix("For ")).unwrap();
    let responses = operation["responses"].as_object().unwrap();
    let answers: Vec<&str> = responses.keys().map(String::as_str).filter(|status| *status < "400").collect();
    let codes =
        responses.values().flat_map(|response| response["x-problem-codes"].as_array().into_iter().flatten());
    let mut refuses_with: Vec<String> = codes.map(|code| code.as_str().unwrap().to_owned()).collect();
    refuses_with.retain(|code| !COMMON.contains(&code.as_str()));
    refuses_with.sort();
    Row { who: sentence.trim_end_matches('.').to_owned(), answers: answers.join(", "), refuses_with }
}

#[test]
fn the_page_says_of_every_route_what_the_description_says() {
    let (page, description) = (page(), description());
    for (route, expected) in &description {
        assert_eq!(page.get(route), Some(expected), "{route} in docs/api.md");
    }
    let unknown: Vec<&String> = page.keys().filter(|route| !description.contains_key(*route)).collect();
    assert!(unknown.is_empty(), "docs/api.md names what is not served: {unknown:?}");
}

#[test]
fn the_page_explains_every_common_code() {
    let text = read("docs/api.md");
    let unexplained: Vec<_> = COMMON.iter().filter(|code| !text.contains(&format!("`{code}`"))).collect();
    assert!(unexplained.is_empty(), "{unexplained:?}");
}
