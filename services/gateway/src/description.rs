//! One OpenAPI document out of the services' own.

use serde_json::{Map, Value, json};

use crate::routes;

/// The base under which the merged document lists every path but those of [`WELL_KNOWN`].
const BASE: &str = "/api/v1";
/// Paths that clients look for at the root alone (RFC 8615).
const WELL_KNOWN: &str = "/.well-known/";
const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// Merges `(service, its OpenAPI document)`. A path is listed when the gateway leads to it under its own name,
/// so neither aliases nor a service's `/metrics` appear.
pub(crate) fn merge(documents: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    let mut merged = Merged::default();
    for (service, document) in documents {
        merged.add(service, document);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "ShopFlow",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The commerce API. Every path is also served without its base.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "tags": merged.tags,
        "paths": merged.paths,
        "components": merged.components,
    })
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
            let listed =
                routes::resolve(&path).is_ok_and(|target| target.service == service && target.path == path);
            if !listed {
                continue;
            }
            self.adopt_operations(service, &mut item, security.as_ref());
            let base = if path.starts_with(WELL_KNOWN) { "" } else { BASE };
            self.paths.insert(format!("{base}{path}"), item);
        }
    }

    /// Tags each operation with its service, and keeps its id unique and its security its own.
    fn adopt_operations(&mut self, service: &str, item: &mut Value, security: Option<&Value>) {
        for method in METHODS {
            let Some(operation) = item.get_mut(method).and_then(Value::as_object_mut) else {
                continue;
            };
            operation.insert("tags".to_owned(), json!([service]));
            if let Some(security) = security {
                operation.entry("security").or_insert_with(|| security.clone());
            }
            let Some(id) = operation.get("operationId").and_then(Value::as_str) else {
                continue;
            };
            let id = self.unique(service, id);
            operation.insert("operationId".to_owned(), id.into());
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
            "components": { "schemas": { "Listing": schema, "Problem": { "type": "object" } } },
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
        assert_eq!(schemas, ["AuthListing", "Listing", "Problem"]);
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
    fn operation_ids_stay_unique() {
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
}
