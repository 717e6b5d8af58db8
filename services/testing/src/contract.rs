//! Holds answers against the description of the API.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use http::Method;
use jsonschema::Validator;
use serde_json::{Map, Value, json};

use crate::answer::Answer;

/// A description of an API, ready to be held against answers. Stricter than the description itself: a member that
/// an object's schema does not list is a difference.
pub(crate) struct Contract {
    document: Value,
    /// By the pointer of the response's schema in the document.
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

impl Contract {
    /// The contract of an OpenAPI 3.1 document.
    pub(crate) fn new(mut document: Value) -> Self {
        let parts = document.clone();
        join(&mut document["components"]["schemas"], &parts);
        close(&mut document["components"]["schemas"]);
        Self { document, validators: Mutex::default() }
    }

    /// What is wrong with an answer to a request of `path`, without its query. `None` for a path that is not described.
    pub(crate) fn differences(&self, method: &Method, path: &str, answer: &Answer) -> Option<Vec<String>> {
        let template = self.template(path)?;
        let method = if method == Method::HEAD { "get".to_owned() } else { method.as_str().to_lowercase() };
        let operation = &self.document["paths"][&template][&method];
        if operation.is_null() {
            let allowed = answer.status == http::StatusCode::METHOD_NOT_ALLOWED;
            let difference = format!("{method} {template} is not described, and answers {}", answer.status);
            return Some(if allowed { Vec::new() } else { vec![difference] });
        }
        let status = answer.status.as_str();
        let Some(response) = operation["responses"].get(status) else {
            return Some(vec![format!("{method} {template} answers {status}, which is not described")]);
        };
        let mut differences = missing_headers(response, answer);
        differences.extend(undescribed_code(response, answer));
        let place = format!("{template} {method} {status}");
        differences.extend(self.body_differences(&place, response, answer));
        Some(differences.into_iter().map(|difference| format!("{place}: {difference}")).collect())
    }

    /// The described path that `path` is one of; literal segments win over parameters.
    fn template(&self, path: &str) -> Option<String> {
        let templates = self.document["paths"].as_object().into_iter().flat_map(|paths| paths.keys());
        let matching = templates.filter(|template| matches(template, path));
        matching.min_by_key(|template| template.matches('{').count()).cloned()
    }

    fn body_differences(&self, place: &str, response: &Value, answer: &Answer) -> Vec<String> {
        let content = response["content"].as_object();
        let Some(content) = content.filter(|content| !content.is_empty()) else {
            return if answer.text.is_empty() { vec![] } else { vec!["there is a body".to_owned()] };
        };
        let kind = answer.header("content-type").unwrap_or_default().split(';').next().unwrap_or_default();
        let Some(media) = content.get(kind) else {
            return vec![format!("the body is {kind:?}, described is {:?}", content.keys())];
        };
        if !kind.ends_with("json") {
            return vec![];
        }
        let Ok(body) = serde_json::from_str(&answer.text) else {
            return vec!["the body is no JSON".to_owned()];
        };
        let validator = self.validator(&format!("{place} {kind}"), &media["schema"]);
        let errors = validator.iter_errors(&body);
        errors.map(|error| format!("{} at {}", error, error.instance_path())).collect()
    }

    fn validator(&self, place: &str, schema: &Value) -> Arc<Validator> {
        let mut validators = self.validators.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || {
            let whole = json!({ "allOf": [schema], "components": self.document["components"] });
            let options = jsonschema::options().with_draft(jsonschema::Draft::Draft202012);
            let validator = options.should_validate_formats(true).build(&whole);
            Arc::new(validator.unwrap_or_else(|error| panic!("{place}: the schema itself is wrong: {error}")))
        };
        validators.entry(place.to_owned()).or_insert_with(make).clone()
    }
}

/// Every header that is described has to be there.
fn missing_headers(response: &Value, answer: &Answer) -> Vec<String> {
    let described = response["headers"].as_object().into_iter().flat_map(|headers| headers.keys());
    let missing = described.filter(|name| !answer.headers.contains_key(name.as_str()));
    missing.map(|name| format!("the header {name} is missing")).collect()
}

/// A problem's code has to be one of those that are listed.
fn undescribed_code(response: &Value, answer: &Answer) -> Option<String> {
    let listed = response[kit::problem::CODES].as_array()?;
    let body: Value = serde_json::from_str(&answer.text).ok()?;
    let code = body["type"].as_str()?.strip_prefix(kit::problem::TYPE_PREFIX)?.to_owned();
    (!listed.contains(&json!(code))).then(|| format!("the code {code} is not described"))
}

pub(crate) fn matches(template: &str, path: &str) -> bool {
    let (mut expected, mut given) = (template.split('/'), path.split('/'));
    loop {
        match (expected.next(), given.next()) {
            (None, None) => return true,
            (Some(expected), Some(given)) if expected == given => {}
            (Some(expected), Some(given)) if expected.starts_with('{') && !given.is_empty() => {}
            _ => return false,
        }
    }
}

/// An object that is described by parts is described as a whole: closed parts would each refuse the others' members.
fn join(schema: &mut Value, document: &Value) {
    match schema {
        Value::Object(members) => members.values_mut().for_each(|member| join(member, document)),
        Value::Array(items) => items.iter_mut().for_each(|item| join(item, document)),
        _ => {}
    }
    let resolved = |part: &Value| {
        let pointer = part["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
        pointer.map_or_else(|| Some(part.clone()), |pointer| document.pointer(pointer).cloned())
    };
    let parts = schema.get("allOf").and_then(Value::as_array).into_iter().flatten();
    let parts: Vec<Value> = parts.filter_map(resolved).collect();
    if parts.is_empty() || !parts.iter().all(|part| part["properties"].is_object()) {
        return;
    }
    let properties = parts.iter().filter_map(|part| part["properties"].as_object()).flatten();
    let properties: Map<String, Value> = properties.map(|(name, of)| (name.clone(), of.clone())).collect();
    let required = parts.iter().filter_map(|part| part["required"].as_array()).flatten();
    let required: Vec<&Value> = required.collect();
    *schema = json!({ "type": "object", "required": required, "properties": properties });
}

/// Objects hold what is described and nothing else.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if members.get("properties").is_some_and(Value::is_object) {
                members.entry("additionalProperties").or_insert(json!(false));
            }
            members.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, StatusCode};

    use super::*;

    fn contract() -> Contract {
        Contract::new(json!({
            "paths": {
                "/things/{id}": { "get": { "responses": {
                    "200": {
                        "headers": { "X-Request-Id": {} },
                        "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Thing" } } },
                    },
                    "404": {
                        "x-problem-codes": ["not_found"],
                        "content": { "application/problem+json": { "schema": { "type": "object" } } },
                    },
                    "204": {},
                } } },
                "/things/mine": { "get": { "responses": { "204": {} } } },
                "/whole": { "get": { "responses": { "200": {
                    "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Whole" } } },
                } } } },
            },
            "components": { "schemas": {
                "Thing": {
                    "type": "object", "required": ["id"],
                    "properties": { "id": { "type": "string", "format": "uuid" }, "at": { "type": ["string", "null"] } },
                },
                "Whole": { "allOf": [
                    { "$ref": "#/components/schemas/Thing" },
                    { "type": "object", "required": ["name"], "properties": { "name": { "type": "string" } } },
                ] },
            } },
        }))
    }

    fn answer(status: u16, kind: &'static str, text: &str) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert("x-request-id", HeaderValue::from_static("1"));
        headers.insert("content-type", HeaderValue::from_static(kind));
        Answer { status: StatusCode::from_u16(status).unwrap(), headers, text: text.to_owned() }
    }

    fn differences(path: &str, answer: &Answer) -> Vec<String> {
        contract().differences(&Method::GET, path, answer).unwrap()
    }

    #[test]
    fn an_answer_as_described_has_no_difference() {
        let body = r#"{"id": "019c6b1e-0000-7000-8000-000000000001", "at": null}"#;
        assert_eq!(differences("/things/7", &answer(200, "application/json", body)), [] as [&str; 0]);
        assert_eq!(differences("/things/mine", &answer(204, "", "")), [] as [&str; 0]);
        let missing = answer(404, "application/problem+json", r#"{"type": "/docs/problems#not_found"}"#);
        assert_eq!(differences("/things/7", &missing), [] as [&str; 0]);
    }

    #[test]
    fn an_object_described_by_parts_holds_the_members_of_all_and_no_others() {
        let id = "019c6b1e-0000-7000-8000-000000000001";
        let found = |body: Value| {
            differences("/whole", &answer(200, "application/json", &body.to_string())).join("\n")
        };
        assert_eq!(found(json!({ "id": id, "name": "x" })), "");
        assert!(found(json!({ "id": id })).contains("\"name\" is a required property"));
        assert!(found(json!({ "name": "x" })).contains("\"id\" is a required property"));
        assert!(found(json!({ "id": id, "name": "x", "more": 1 })).contains("Additional properties"));
    }

    #[test]
    fn every_kind_of_difference_is_found() {
        for (path, answer, words) in [
            ("/things/7", answer(200, "application/json", "{}"), "\"id\" is a required property"),
            ("/things/7", answer(200, "application/json", r#"{"id": "7"}"#), "is not a \"uuid\""),
            (
                "/things/7",
                answer(200, "application/json", r#"{"id": "019c6b1e-0000-7000-8000-000000000001", "x": 1}"#),
                "Additional properties",
            ),
            ("/things/7", answer(200, "text/plain", "x"), "the body is \"text/plain\""),
            ("/things/7", answer(418, "application/json", "{}"), "which is not described"),
            ("/things/7", answer(204, "", "x"), "there is a body"),
            (
                "/things/7",
                answer(404, "application/problem+json", r#"{"type": "/docs/problems#conflict"}"#),
                "the code conflict is not described",
            ),
        ] {
            let found = differences(path, &answer).join("\n");
            assert!(found.contains(words), "{words}: {found}");
        }
        let mut without =
            answer(200, "application/json", r#"{"id": "019c6b1e-0000-7000-8000-000000000001"}"#);
        without.headers.remove("x-request-id");
        assert!(differences("/things/7", &without)[0].contains("X-Request-Id is missing"));
        let unknown = contract().differences(&Method::GET, "/nothing", &answer(404, "", ""));
        assert!(unknown.is_none());
    }
}
