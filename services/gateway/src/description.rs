//! One OpenAPI document out of the services' own.

use kit::problem::Code;
use kit::{Service as _, openapi};
use serde_json::{Map, Value, json};
use topology::Budget;
use utoipa::openapi::OpenApi;

use crate::Gateway;
use crate::forward::RATE_LIMIT_HEADERS;
use crate::routes;

/// The base under which the merged document lists every path but those of [`WELL_KNOWN`].
const BASE: &str = "/api/v1";
/// Paths that clients look for at the root alone (RFC 8615).
const WELL_KNOWN: &str = "/.well-known/";
const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// The description of the whole API: the gateway's own routes and those of the services.
pub(crate) fn whole(services: Vec<(&'static str, OpenApi)>) -> OpenApi {
    let own = openapi::complete(Gateway::routes().into_openapi(), Gateway::SUMMARY, &Gateway::access());
    let documents = std::iter::once((Gateway::NAME, own)).chain(services);
    let documents =
        documents.map(|(service, document)| (service, serde_json::to_value(document).unwrap_or_default()));
    let merged = serde_json::from_value(merge(documents));
    merged
        .inspect_err(|error| tracing::error!(%error, "the merged description cannot be read"))
        .unwrap_or_default()
}

/// Merges `(service, its OpenAPI document)`. A path is listed when the gateway leads to it under its own name,
/// so neither aliases nor a service's `/metrics` appear.
fn merge(documents: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    let mut merged = Merged::default();
    for (service, document) in documents {
        merged.add(service, document);
    }
    let mut whole = serde_json::to_value(openapi::empty(Gateway::SUMMARY)).unwrap_or_default();
    merged.add_components(&json!({ "components": { "headers": rate_limit_headers() } }));
    merged.add_components(&whole);
    for (name, part) in [
        ("tags", json!(merged.tags)),
        ("paths", json!(merged.paths)),
        ("components", json!(merged.components)),
    ] {
        whole[name] = part;
    }
    whole
}

/// How a service's path is counted, where clients reach it under its own name.
fn budget(service: &str, path: &str) -> Option<Budget> {
    let target = routes::resolve(path).ok()?;
    (target.service == service && target.path == path).then_some(target.budget)
}

#[derive(Default)]
struct Merged {
    tags: Vec<Value>,
    paths: Map<String, Value>,
    components: Map<String, Value>,
    operations: std::collections::HashSet<String>,
}

impl Merged {
    fn add(&mut self, service: &'static str, mut document: Value) {
        self.rename_conflicts(service, &mut document);
        let description = topology::service(service).map_or("", |service| service.description);
        self.tags.push(json!({ "name": service, "description": description }));
        self.add_components(&document);
        let security = document.get("security").cloned();
        let Some(Value::Object(paths)) = document.get_mut("paths").map(Value::take) else {
            return;
        };
        for (path, mut item) in paths {
            // The gateway names its own paths in full, and answers them without counting or leading anywhere.
            let (own, budget) = (service == Gateway::NAME, budget(service, &path));
            if !own && budget.is_none() {
                continue;
            }
            self.adopt_operations(service, &mut item, security.as_ref(), budget);
            let bare = own || path.starts_with(WELL_KNOWN);
            let base = if bare { "" } else { BASE };
            self.paths.insert(format!("{base}{path}"), item);
        }
    }

    /// Tags each operation with its service, keeps its id unique and its security its own, and adds what the gateway
    /// may answer in the service's place.
    fn adopt_operations(
        &mut self,
        service: &str,
        item: &mut Value,
        security: Option<&Value>,
        budget: Option<Budget>,
    ) {
        for method in METHODS {
            let Some(operation) = item.get_mut(method).and_then(Value::as_object_mut) else {
                continue;
            };
            operation.insert("tags".to_owned(), json!([service]));
            if let Some(security) = security {
                operation.entry("security").or_insert_with(|| security.clone());
            }
            if let Some(budget) = budget {
                add_answers(operation, budget);
            }
            if let Some(id) = operation.get("operationId").and_then(Value::as_str) {
                let id = self.unique(service, id);
                operation.insert("operationId".to_owned(), id.into());
            }
        }
    }

    /// `list`, else `order_list`, else `order_list_2` and so on: generators of clients need each id once.
    fn unique(&mut self, service: &str, id: &str) -> String {
        let candidates = [id.to_owned(), format!("{service}_{id}")];
        let numbered = (2_u32..).map(|number| format!("{service}_{id}_{number}"));
        let mut candidates = candidates.into_iter().chain(numbered);
        candidates.find(|id| self.operations.insert(id.clone())).unwrap_or_default()
    }

    fn add_components(&mut self, document: &Value) {
        for (kind, name, component) in components(document) {
            let kinds = self.components.entry(kind).or_insert_with(|| json!({}));
            if let Some(kinds) = kinds.as_object_mut() {
                kinds.entry(name).or_insert_with(|| component.clone());
            }
        }
    }

    /// Two services may use one name for different things; the later one's then carries the service's name.
    fn rename_conflicts(&self, service: &str, document: &mut Value) {
        let conflicts: Vec<(String, String)> = components(document)
            .filter(|(kind, name, component)| {
                let known = self.components.get(kind).and_then(|kinds| kinds.get(name));
                known.is_some_and(|known| known != *component)
            })
            .map(|(kind, name, _)| (kind, name))
            .collect();
        for (kind, name) in conflicts {
            let renamed = format!("{}{name}", capitalised(service));
            let Some(kinds) = document["components"][&kind].as_object_mut() else {
                continue;
            };
            if let Some(component) = kinds.remove(&name) {
                kinds.insert(renamed.clone(), component);
            }
            let (from, to) =
                (format!("#/components/{kind}/{name}"), format!("#/components/{kind}/{renamed}"));
            redirect(document, &from, &to);
        }
    }
}

/// The gateway's own refusals, and on counted routes the headers that tell what is left.
fn add_answers(operation: &mut Map<String, Value>, budget: Budget) {
    let counted = budget != Budget::Unlimited;
    let mut codes = vec![Code::BadGateway, Code::Unavailable, Code::GatewayTimeout];
    if counted {
        codes.push(Code::TooManyRequests);
    }
    let Some(responses) = operation.entry("responses").or_insert_with(|| json!({})).as_object_mut() else {
        return;
    };
    for (status, response) in openapi::problems(&codes) {
        responses.entry(status).or_insert_with(|| serde_json::to_value(response).unwrap_or_default());
    }
    if counted {
        for response in responses.values_mut() {
            for name in RATE_LIMIT_HEADERS {
                let reference = json!({ "$ref": format!("#/components/headers/{}", name.as_str()) });
                response["headers"][name.as_str()] = reference;
            }
        }
    }
}

fn rate_limit_headers() -> Value {
    let meanings = [
        "Requests that the caller may send in a minute.",
        "Requests that would still be let through at once.",
        "Seconds until all of them are available again.",
    ];
    let header = |meaning: &str| json!({ "schema": { "type": "integer" }, "description": meaning });
    let named =
        RATE_LIMIT_HEADERS.into_iter().zip(meanings).map(|(name, text)| (name.to_string(), header(text)));
    Value::Object(named.collect())
}

/// Every component of a document: kind (`schemas`), name, content.
fn components(document: &Value) -> impl Iterator<Item = (String, String, &Value)> {
    let kinds = document.get("components").and_then(Value::as_object);
    kinds.into_iter().flatten().flat_map(|(kind, named)| {
        named
            .as_object()
            .into_iter()
            .flatten()
            .map(move |(name, component)| (kind.clone(), name.clone(), component))
    })
}

/// Points every `$ref` to `from` at `to`.
fn redirect(value: &mut Value, from: &str, to: &str) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                match field {
                    Value::String(target) if name == "$ref" && target == from => {
                        to.clone_into(target);
                    }
                    other => redirect(other, from, to),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| redirect(item, from, to)),
        _ => {}
    }
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(path: &str, schema: &Value) -> Value {
        json!({
            "openapi": "3.1.0",
            "info": { "title": "x", "version": "1", "description": "What it does" },
            "security": [{ "bearer": [] }],
            "paths": {
                path: { "get": { "operationId": "list", "responses": { "200": {
                    "description": "", "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Listing" } } },
                } } } },
                "/metrics": { "get": { "responses": {} } },
                "/register": { "post": { "responses": {} } },
            },
            "components": { "schemas": { "Listing": schema } },
        })
    }

    #[test]
    fn paths_move_below_the_base_and_only_canonical_ones_are_listed() {
        let merged = merge([("order", document("/orders", &json!({ "type": "array" })))]);
        let paths: Vec<&String> = merged["paths"].as_object().unwrap().keys().collect();
        assert_eq!(paths, ["/api/v1/orders"]);
        assert_eq!(merged["paths"]["/api/v1/orders"]["get"]["tags"], json!(["order"]));
        assert_eq!(merged["paths"]["/api/v1/orders"]["get"]["security"], json!([{ "bearer": [] }]));
    }

    #[test]
    fn equal_components_become_one_and_different_ones_keep_apart() {
        let orders = document("/orders", &json!({ "type": "array" }));
        let users = document("/auth/users", &json!({ "type": "object" }));
        let merged = merge([("order", orders), ("auth", users)]);
        let schemas: Vec<&String> = merged["components"]["schemas"].as_object().unwrap().keys().collect();
        assert_eq!(schemas, ["AuthListing", "FieldError", "Listing", "Problem"]);
        let schema = |path: &str| {
            merged["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]["$ref"]
                .clone()
        };
        assert_eq!(schema("/api/v1/orders"), "#/components/schemas/Listing");
        assert_eq!(schema("/api/v1/auth/users"), "#/components/schemas/AuthListing");
        assert_eq!(merged["components"]["schemas"]["AuthListing"], json!({ "type": "object" }));
    }

    #[test]
    fn well_known_paths_are_listed_where_clients_look_for_them() {
        let merged = merge([("auth", document("/.well-known/jwks.json", &json!({})))]);
        let paths: Vec<&String> = merged["paths"].as_object().unwrap().keys().collect();
        assert_eq!(paths, ["/.well-known/jwks.json"]);
    }

    #[test]
    fn the_gateways_own_answers_are_listed_and_its_headers_where_it_counts() {
        let counted = document("/orders", &json!({}));
        let uncounted = document("/notifications", &json!({}));
        let merged = merge([("order", counted), ("notification", uncounted)]);
        let responses = |path: &str| merged["paths"][path]["get"]["responses"].clone();
        let orders = responses("/api/v1/orders");
        assert_eq!(orders["429"]["x-problem-codes"], json!(["too_many_requests"]));
        assert!(orders["200"]["headers"]["ratelimit-remaining"].is_object());
        let notifications = responses("/api/v1/notifications");
        assert!(notifications["504"].is_object() && notifications["429"].is_null());
        assert!(notifications["200"]["headers"].is_null());
        assert!(merged["components"]["headers"]["ratelimit-limit"].is_object());
        assert!(merged["components"]["schemas"]["Problem"].is_object());
    }

    /// Every id of a merged document.
    fn ids(merged: &Value) -> Vec<String> {
        let items = merged["paths"].as_object().unwrap().values();
        let operations = items.flat_map(|item| item.as_object().unwrap().values());
        operations.filter_map(|operation| operation["operationId"].as_str().map(str::to_owned)).collect()
    }

    #[test]
    fn an_id_that_is_taken_is_qualified() {
        let first = document("/orders", &json!({}));
        let second = document("/auth/users", &json!({}));
        let merged = merge([("order", first), ("auth", second)]);
        assert_eq!(merged["paths"]["/api/v1/orders"]["get"]["operationId"], "list");
        assert_eq!(merged["paths"]["/api/v1/auth/users"]["get"]["operationId"], "auth_list");
        let more = ["/orders", "/orders/a", "/orders/b"].map(|path| ("order", document(path, &json!({}))));
        let merged = merge(more);
        let ids: Vec<&Value> =
            merged["paths"].as_object().unwrap().values().map(|item| &item["get"]["operationId"]).collect();
        assert_eq!(ids, ["list", "order_list", "order_list_2"]);
    }

    proptest::proptest! {
        #[test]
        fn every_operation_has_an_id_of_its_own(
            services in proptest::collection::vec(
                proptest::collection::vec("(order_|auth_)?(list|get)(_2)?", 0..6), 1..4)
        ) {
            let mut count = 0;
            let documents = services.into_iter().zip(["order", "auth", "notification"]).map(|(ids, service)| {
                let prefix = match service { "auth" => "/auth", "order" => "/orders", _ => "/notifications" };
                count += ids.len();
                let paths: Map<String, Value> = ids
                    .into_iter()
                    .enumerate()
                    .map(|(number, id)| (format!("{prefix}/{number}"), json!({ "get": { "operationId": id, "responses": {} } })))
                    .collect();
                (service, json!({ "openapi": "3.1.0", "info": { "title": "x", "version": "1" }, "paths": paths }))
            });
            let merged = merge(documents.collect::<Vec<_>>());
            let mut ids = ids(&merged);
            proptest::prop_assert_eq!(ids.len(), count);
            ids.sort();
            ids.dedup();
            proptest::prop_assert_eq!(ids.len(), count);
        }
    }
}
