//! What the derives leave behind, put right: copies of a schema that has a name, parameters that could be null, and
//! components that nothing uses.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use utoipa::openapi::OpenApi;

const SCHEMAS: &str = "#/components/schemas/";

/// The same description, tidied.
pub(super) fn tidy(document: OpenApi) -> OpenApi {
    let Ok(mut whole) = serde_json::to_value(&document) else { return document };
    for item in members(&mut whole["paths"]) {
        for operation in members(item) {
            drop_null(operation);
        }
    }
    name_copies(&mut whole);
    while remove_unused(&mut whole) {}
    serde_json::from_value(whole).unwrap_or(document)
}

fn members(value: &mut Value) -> impl Iterator<Item = &mut Value> {
    value.as_object_mut().into_iter().flat_map(Map::values_mut)
}

/// A parameter is given or not; there is no way to give null.
fn drop_null(operation: &mut Value) {
    for parameter in operation["parameters"].as_array_mut().into_iter().flatten() {
        let kind = &mut parameter["schema"]["type"];
        if let Some(kinds) = kind.as_array_mut() {
            kinds.retain(|kind| kind != "null");
            if let [only] = kinds.as_slice() {
                *kind = only.clone();
            }
        } else if kind.is_null()
            && let Some(schema) = parameter["schema"].as_object_mut()
        {
            schema.remove("type");
        }
    }
}

/// A generic type holds copies of its arguments' schemas; clients need their names.
fn name_copies(document: &mut Value) {
    let Some(schemas) = document["components"]["schemas"].as_object().cloned() else { return };
    let named: Vec<(&String, &Value)> =
        schemas.iter().filter(|(_, schema)| schema["properties"].is_object()).collect();
    for schema in members(&mut document["components"]["schemas"]) {
        for part in members(schema) {
            refer(part, &named);
        }
    }
    refer(&mut document["paths"], &named);
}

fn refer(value: &mut Value, named: &[(&String, &Value)]) {
    if let Some((name, _)) = named.iter().find(|(_, schema)| *schema == value) {
        *value = json!({ "$ref": format!("{SCHEMAS}{name}") });
        return;
    }
    match value {
        Value::Object(members) => members.values_mut().for_each(|member| refer(member, named)),
        Value::Array(items) => items.iter_mut().for_each(|item| refer(item, named)),
        _ => {}
    }
}

/// Whether something was removed, so that what it alone used may go next.
fn remove_unused(document: &mut Value) -> bool {
    let mut used = BTreeSet::new();
    collect_references(document, &mut used);
    let mut removed = false;
    for kind in ["schemas", "headers"] {
        if let Some(components) = document["components"][kind].as_object_mut() {
            let before = components.len();
            components.retain(|name, _| used.contains(&format!("#/components/{kind}/{name}")));
            removed |= components.len() < before;
        }
    }
    removed
}

fn collect_references(value: &Value, used: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            if let Some(target) = members.get("$ref").and_then(Value::as_str) {
                used.insert(target.to_owned());
            }
            members.values().for_each(|member| collect_references(member, used));
        }
        Value::Array(items) => items.iter().for_each(|item| collect_references(item, used)),
        _ => {}
    }
}
