//! The API's description and the standard routes.

use auth::Auth;
use http::StatusCode;
use kit::Service as _;
use serde_json::Value;

use crate::service::{Service, problem};

#[test]
fn every_canonical_route_is_described() {
    let description = serde_json::to_value(Auth::openapi(Vec::new)).unwrap();
    for (method, path) in [
        ("post", "/auth/register"),
        ("post", "/auth/login"),
        ("post", "/auth/token"),
        ("post", "/auth/refresh"),
        ("post", "/auth/validate"),
        ("post", "/auth/logout"),
        ("get", "/auth/sessions"),
        ("delete", "/auth/sessions/{id}"),
        ("get", "/auth/users"),
        ("get", "/auth/users/{id}"),
        ("patch", "/auth/users/{id}/role"),
        ("patch", "/auth/users/{id}/active"),
        ("get", "/.well-known/jwks.json"),
        ("get", "/.well-known/openid-configuration"),
    ] {
        let operation = &description["paths"][path][method];
        assert!(operation["responses"].is_object(), "{method} {path}");
        assert!(operation["summary"].is_string() || operation["description"].is_string(), "{method} {path}");
    }
}

#[test]
fn every_reference_of_the_description_leads_somewhere() {
    let description = serde_json::to_value(Auth::openapi(Vec::new)).unwrap();
    let mut references = Vec::new();
    collect(&description, &mut references);
    assert!(!references.is_empty());
    for reference in references {
        let pointer = reference.trim_start_matches('#');
        assert!(description.pointer(pointer).is_some(), "{reference}");
    }
}

fn collect(value: &Value, references: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            references.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|member| collect(member, references));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, references)),
        _ => {}
    }
}

#[tokio::test]
async fn the_standard_routes_answer() {
    let mut service = Service::start().await;
    service.run_background();
    service.ready().await;
    for path in ["/health", "/metrics"] {
        assert_eq!(service.client.get(path).await.status, StatusCode::OK, "{path}");
    }
    for path in ["/health", "/ready", "/metrics", "/openapi.json"] {
        assert_eq!(service.probe(path).await.status, StatusCode::OK, "{path}");
    }
    problem(&service.client.get("/nowhere").await, StatusCode::NOT_FOUND, "not_found");
    problem(&service.client.get("/auth/login").await, StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed");
}
