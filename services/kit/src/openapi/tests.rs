use serde::Serialize;
use serde_json::{Value, json};
use utoipa::{OpenApi as _, ToSchema};

use super::*;
use crate::access::{Rule, Who};
use crate::problem::Problems;
use crate::problem::codes::{InvalidTransition, NotFound, SameStatus};

static RULES: &[Rule] = &[
    Rule::new("GET /things", &[Who::Anyone]),
    Rule::new("POST /things", &[Who::Owner, Who::Service]),
    Rule::new("PATCH /things/{id}", &[Who::Admin]),
];

#[derive(Serialize, ToSchema)]
struct Thing {
    id: u32,
}

#[derive(Serialize, ToSchema)]
struct Many<T> {
    data: Vec<T>,
}

/// Lists things.
#[utoipa::path(get, path = "/things", params(("size" = Option<u32>, Query)), responses((status = 200, body = Many<Thing>)))]
#[expect(dead_code, reason = "only described")]
fn list_things() {}

/// Makes a thing.
#[utoipa::path(post, path = "/things", request_body = String,
    params(("Idempotency-Key" = Option<String>, Header)), responses((status = 201, body = String)))]
#[expect(dead_code, reason = "only described")]
fn make_thing() {}

/// Changes a thing.
#[utoipa::path(patch, path = "/things/{id}", params(("id" = u32, Path)), request_body = String,
    responses((status = 200, body = String), Problems<(NotFound, SameStatus, InvalidTransition)>))]
#[expect(dead_code, reason = "only described")]
fn change_thing() {}

#[derive(utoipa::OpenApi)]
#[openapi(paths(list_things, make_thing, change_thing))]
struct Things;

fn document() -> Value {
    let summary = Summary { title: "Things", description: "Keeps things" };
    serde_json::to_value(complete(Things::openapi(), summary, &Access::new(RULES))).unwrap()
}

fn statuses(operation: &Value) -> Vec<&str> {
    operation["responses"].as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn refusals_follow_from_the_route_and_its_rule() {
    let document = document();
    let (things, thing) = (&document["paths"]["/things"], &document["paths"]["/things/{id}"]);
    assert_eq!(statuses(&things["get"]), ["200", "400", "503"]);
    assert_eq!(
        statuses(&things["post"]),
        ["201", "400", "401", "408", "409", "413", "415", "422", "503"],
        "nobody with a token is refused, and nothing is looked for"
    );
    assert_eq!(
        statuses(&thing["patch"]),
        ["200", "400", "401", "403", "404", "408", "409", "413", "415", "503"]
    );
    let codes = &thing["patch"]["responses"]["400"]["x-problem-codes"];
    assert_eq!(codes, &json!(["invalid_transition", "validation", "bad_request"]));
}

#[test]
fn every_answer_has_its_headers_and_every_problem_its_media_type() {
    let document = document();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (status, response) in item
            .as_object()
            .unwrap()
            .values()
            .flat_map(|operation| operation["responses"].as_object().unwrap())
        {
            let headers = &response["headers"];
            assert!(headers["X-Request-Id"].is_object(), "{path} {status}");
            assert_eq!(headers["Location"].is_object(), status == "201");
            assert_eq!(headers["Retry-After"].is_object(), status == "503");
            assert!(!response["description"].as_str().unwrap().is_empty(), "{path} {status}");
            let kinds: Vec<&String> = response["content"].as_object().unwrap().keys().collect();
            if status.starts_with('2') {
                assert_ne!(kinds, ["application/problem+json"]);
            } else {
                assert_eq!(kinds, ["application/problem+json"], "{path} {status}");
            }
        }
    }
    assert!(document["components"]["schemas"]["Problem"].is_object());
    assert!(document["components"]["schemas"]["FieldError"].is_object());
}

#[test]
fn access_is_described_for_people_and_for_programs() {
    let document = document();
    let things = &document["paths"]["/things"];
    assert_eq!(things["get"]["security"], json!([]));
    assert_eq!(things["post"]["security"], json!([{"bearer": []}]));
    assert_eq!(things["post"]["x-access"], json!(["owner", "service"]));
    assert_eq!(things["post"]["description"], "For the user concerned and services.");
}

#[test]
fn the_workspace_says_version_and_licence() {
    let info = document()["info"].clone();
    assert_eq!(info["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(info["license"]["identifier"], env!("CARGO_PKG_LICENSE"));
}

#[test]
fn copies_get_their_names_back_and_what_nothing_uses_goes() {
    let document = document();
    let schemas = &document["components"]["schemas"];
    let names: Vec<&String> = schemas.as_object().unwrap().keys().collect();
    assert_eq!(names, ["FieldError", "Many_Thing", "Problem", "Thing"]);
    assert_eq!(
        schemas["Many_Thing"]["properties"]["data"]["items"],
        json!({"$ref": "#/components/schemas/Thing"})
    );
    assert_eq!(document["paths"]["/things"]["get"]["parameters"][0]["schema"]["type"], "integer");

    let summary = Summary { title: "Nothing", description: "Has no routes" };
    let nothing = complete(empty(summary), summary, &Access::default());
    assert!(nothing.components.is_some_and(|components| components.schemas.is_empty()));
}
