//! Standard routes and layers, as clients see them.

use std::time::Duration;

use axum::Router;
use axum::extract::FromRef;
use axum::routing::{get, post};
use http::StatusCode;
use kit::auth::{Identity, Role, Verifier};
use kit::database::{self, Database, Query as _};
use kit::extract::{Json, Path, Query};
use kit::http::{StandardRoutes, edge, standard};
use kit::metrics::Registry;
use kit::paging::{List, PageQuery};
use kit::problem::{Problem, ProblemBody};
use kit::readiness::Readiness;
use serde::Deserialize;
use serde_json::json;
use testing::{Answer, Client, Keys};
use uuid::Uuid;

#[derive(Clone, FromRef)]
struct State {
    verifier: Verifier,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    quantity: u32,
}

#[derive(Debug, Deserialize)]
struct Search {
    q: Option<String>,
}

fn routes(keys: &Keys) -> Router {
    Router::new()
        .route("/me", get(async |identity: Identity| identity.user_id().unwrap_or_default().to_string()))
        .route("/maybe", get(async |identity: Option<Identity>| identity.is_some().to_string()))
        .route("/items", post(async |Json(item): Json<Item>| Json(item.quantity)))
        .route("/items/{id}", get(async |Path(id): Path<Uuid>| id.to_string()))
        .route(
            "/search",
            get(async |Query((page, search)): Query<(PageQuery, Search)>| {
                let q = search.q.unwrap_or_default();
                let window = page.window(&List::newest_first("items", &()))?;
                Ok::<_, Problem>(format!("{} {} {q}", window.offset(), window.limit))
            }),
        )
        .route("/panic", get(async || -> String { panic!("secret cause") }))
        .route("/slow", get(async || tokio::time::sleep(Duration::from_mins(10)).await))
        .with_state(State { verifier: keys.verifier("order") })
}

fn standard_routes(readiness: Readiness) -> StandardRoutes {
    let openapi = utoipa::openapi::OpenApiBuilder::new().build();
    StandardRoutes { name: "order", readiness, openapi, metrics: Registry::new("order") }
}

fn client() -> (Client, Keys) {
    let keys = Keys::generate();
    let routers = standard(routes(&keys), standard_routes(Readiness::new()));
    (Client::new(routers.public), keys)
}

/// What probes and Prometheus reach.
fn internal(readiness: Readiness) -> Client {
    Client::new(standard(Router::new(), standard_routes(readiness)).internal)
}

fn problem(response: &Answer) -> ProblemBody {
    assert_eq!(response.header("content-type"), Some("application/problem+json"), "{}", response.text);
    let problem: ProblemBody = serde_json::from_value(response.json()).unwrap();
    assert_eq!(problem.status, response.status.as_u16());
    assert_eq!(
        problem.instance.as_deref(),
        response.header("x-request-id"),
        "the instance is the request id"
    );
    problem
}

#[tokio::test]
async fn health_is_the_documents() {
    let (client, _) = client();
    let response = client.get("/health").await;
    assert_eq!((response.status, response.json()), (StatusCode::OK, json!({ "status": "ok" })));
}

#[tokio::test]
async fn each_listener_has_its_routes_and_no_others() {
    const PATHS: [&str; 4] = ["/health", "/ready", "/metrics", "/openapi.json"];
    let routers = || [standard, edge].map(|make| make(Router::new(), standard_routes(Readiness::new())));
    let [service, gateway] = routers();
    let [other, _] = routers();
    for (router, served) in [
        (service.public, [true, false, true, false]),
        (gateway.public, [true, false, false, true]),
        (service.internal, [true; 4]),
        (gateway.internal, [true; 4]),
    ] {
        let client = Client::new(router);
        for (path, served) in PATHS.into_iter().zip(served) {
            let status = client.get(path).await.status;
            assert_eq!(status, if served { StatusCode::OK } else { StatusCode::NOT_FOUND }, "{path}");
        }
    }
    problem(&Client::new(other.internal).get("/nowhere").await);
}

#[tokio::test]
async fn readiness_follows_its_checks() {
    let client = internal(Readiness::new().check("database", async || false));
    let response = client.get("/ready").await;
    assert_eq!(response.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(problem(&response).detail, "Not ready: database.");
    assert!(response.header("retry-after").is_some());
    let client = internal(Readiness::new().check("database", async || true));
    assert_eq!(client.get("/ready").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_verbose_answer_lists_every_check_and_only_required_ones_decide() {
    let noted = || Readiness::new().check("keys", async || true).note("database", async || false);
    let response = internal(noted()).get("/ready?verbose").await;
    let checks = json!([
        { "name": "keys", "status": "ok", "required": true },
        { "name": "database", "status": "failing", "required": false },
    ]);
    let expected = json!({ "status": "ready", "service": "order", "checks": checks });
    assert_eq!((response.status, response.json()), (StatusCode::OK, expected));
    assert_eq!(internal(noted()).get("/ready").await.status, StatusCode::OK);

    let failing = noted().check("running", async || false);
    let response = internal(failing).get("/ready?verbose=true").await;
    assert_eq!(response.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.json()["status"], "not_ready");
    assert_eq!(response.json()["checks"][2]["status"], "failing");
}

#[tokio::test(start_paused = true)]
async fn a_check_that_does_not_answer_has_failed() {
    let silent = Readiness::new().check("silent", std::future::pending::<bool>);
    assert_eq!(internal(silent).get("/ready").await.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn metrics_count_by_route_template() {
    let (client, _) = client();
    client.get(&format!("/items/{}", Uuid::now_v7())).await;
    client.get("/nowhere/at/all").await;
    let text = client.get("/metrics").await.text;
    let series = r#"http_request_duration_seconds_count{service="order",method="GET",route="/items/{id}",status="2xx"} 1"#;
    assert!(text.contains(series), "{text}");
    assert!(text.contains(r#"route="unmatched",status="4xx"} 1"#), "{text}");
}

#[tokio::test]
async fn request_ids_pass_through_when_well_formed() {
    let (client, _) = client();
    let response = client.with_header("x-request-id", "abc-1").get("/nowhere").await;
    assert_eq!(response.header("x-request-id"), Some("abc-1"));
    assert_eq!(problem(&response).instance.as_deref(), Some("abc-1"));
    let response = client.with_header("x-request-id", "a b\"{}").get("/health").await;
    let made = response.header("x-request-id").unwrap();
    assert!(Uuid::parse_str(made).is_ok(), "{made}");
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems() {
    let (client, _) = client();
    let response = client.get("/nowhere").await;
    assert_eq!(
        (response.status, problem(&response).kind.ends_with("not_found")),
        (StatusCode::NOT_FOUND, true)
    );
    let response = client.delete("/items").await;
    assert_eq!(response.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(response.header("allow"), Some("POST"));
    problem(&response);
}

#[tokio::test]
async fn bodies_are_refused_with_their_field() {
    let (client, _) = client();
    let cases = [
        (json!({ "quantity": -1 }), "quantity", "invalid"),
        (json!({ "quantity": "1" }), "quantity", "invalid"),
        (json!({}), "quantity", "required"),
        (json!({ "quantity": 1, "role": "admin" }), "role", "unknown_field"),
    ];
    for (body, field, code) in cases {
        let response = client.post("/items", &body).await;
        assert_eq!(response.status, StatusCode::BAD_REQUEST, "{body}");
        let errors = problem(&response).errors;
        assert_eq!((errors[0].field.as_str(), errors[0].code.as_ref()), (field, code), "{body}");
        assert!(!errors[0].message.contains("u32"), "{}", errors[0].message);
    }
    assert_eq!(client.post("/items", &json!({ "quantity": 3 })).await.text, "3");
}

#[tokio::test]
async fn bodies_of_another_type_or_size_are_refused() {
    let (client, _) = client();
    let text = http::Request::post("/items").header("content-type", "text/plain").body("{}".into()).unwrap();
    let response = client.request(text).await;
    assert_eq!(response.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    problem(&response);
    let response = client.post("/items", &"x".repeat(kit::http::MAX_BODY)).await;
    assert_eq!(response.status, StatusCode::PAYLOAD_TOO_LARGE);
    problem(&response);
}

#[tokio::test]
async fn parameters_are_refused_with_their_name() {
    let (client, _) = client();
    let response = client.get("/items/7").await;
    assert_eq!(response.status, StatusCode::BAD_REQUEST);
    let error = &problem(&response).errors[0];
    assert_eq!((error.field.as_str(), error.message.as_str()), ("id", "must be a UUID"));
    for (query, field) in [
        ("limit=101", "limit"),
        ("page=0", "page"),
        ("limit=-1", "limit"),
        ("page=abc", "page"),
        ("q=a&pgae=2", "pgae"),
    ] {
        let response = client.get(&format!("/search?{query}")).await;
        assert_eq!(response.status, StatusCode::BAD_REQUEST, "{query}");
        assert_eq!(problem(&response).errors[0].field, field, "{query}");
    }
    assert_eq!(client.get("/search?page=3&limit=50&q=a").await.text, "100 50 a");
    assert_eq!(client.get("/search").await.text, "0 20 ");
}

#[tokio::test]
async fn callers_are_told_apart() {
    let (client, keys) = client();
    let user = Uuid::now_v7();
    let signed_in = client.with_token(&keys.access_token(user, Role::Customer));
    assert_eq!(signed_in.get("/me").await.text, user.to_string());
    assert_eq!(signed_in.get("/maybe").await.text, "true");
    assert_eq!(client.get("/maybe").await.text, "false");
    for client in
        [client.clone(), client.with_token("x.y.z"), client.with_header("authorization", "Basic abc")]
    {
        let response = client.get("/me").await;
        assert_eq!(response.status, StatusCode::UNAUTHORIZED);
        assert_eq!(response.header("www-authenticate"), Some("Bearer"));
        problem(&response);
    }
    let refused = client.with_token("x.y.z").get("/maybe").await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "a bad token is never taken for none");
}

#[tokio::test]
async fn a_panic_is_a_500_without_its_cause() {
    let (client, _) = client();
    let response = client.get("/panic").await;
    assert_eq!(response.status, StatusCode::INTERNAL_SERVER_ERROR);
    problem(&response);
    assert!(!response.text.contains("secret"));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_takes_too_long_is_503() {
    let (client, _) = client();
    let response = client.get("/slow").await;
    assert_eq!(response.status, StatusCode::SERVICE_UNAVAILABLE);
    problem(&response);
}

#[tokio::test]
async fn a_store_that_is_unavailable_is_503_with_retry_after() {
    let postgres = testbed::Postgres::start().await.unwrap();
    let database = Database::from_url(&postgres.admin_url(), 2).unwrap();
    let router = Router::new().route(
        "/",
        get(async move || -> Result<String, Problem> {
            let one: i32 = database.row("SELECT 1", &[]).await?.try_get(0).map_err(database::Error::from)?;
            Ok(one.to_string())
        }),
    );
    let client = Client::new(router);
    assert_eq!(client.get("/").await.text, "1");
    postgres.stop().await.unwrap();
    for _ in 0..3 {
        let response = client.get("/").await;
        assert_eq!(response.status, StatusCode::SERVICE_UNAVAILABLE, "{}", response.text);
        assert_eq!(response.header("retry-after"), Some("2"));
    }
}
