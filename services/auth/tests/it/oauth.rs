//! `POST /auth/token`: OAuth 2.0 form grants.

use auth::Auth;
use http::{Request, StatusCode};
use kit::Service as _;
use rstest::rstest;
use serde_json::json;
use testing::Answer;

use crate::service::{EMAIL, PASSWORD, Service, Tokens, keys, problem};

async fn grant(service: &Service, form: &str) -> Answer {
    let request = Request::post("/auth/token")
        .header("content-type", "application/x-www-form-urlencoded;charset=UTF-8")
        .body(form.to_owned().into())
        .unwrap();
    service.client.request(request).await
}

const PASSWORD_GRANT: &str = "grant_type=password&username=jane.doe%40example.com&password=S3cur3P%40ssw0rd%21&scope=all&client_id=app";

#[tokio::test]
async fn the_password_and_refresh_token_grants_work() {
    let service = Service::start().await;
    service.register(EMAIL).await;
    let first = Tokens::of(&grant(&service, PASSWORD_GRANT).await);
    assert_eq!(service.validate(&first.access).await.status, StatusCode::OK);
    let form = format!("grant_type=refresh_token&refresh_token={}", first.refresh);
    let second = Tokens::of(&grant(&service, &form).await);
    assert_eq!(second.session(), first.session());
}

#[rstest]
#[case::wrong_password("grant_type=password&username=jane.doe%40example.com&password=x", "invalid_grant")]
#[case::unknown_user("grant_type=password&username=nobody%40example.com&password=x", "invalid_grant")]
#[case::bad_refresh("grant_type=refresh_token&refresh_token=x", "invalid_grant")]
#[case::no_password("grant_type=password&username=jane.doe%40example.com", "invalid_request")]
#[case::no_refresh("grant_type=refresh_token", "invalid_request")]
#[case::no_type("username=jane.doe%40example.com&password=x", "invalid_request")]
#[case::empty("", "invalid_request")]
#[case::twice("grant_type=password&grant_type=password&username=a&password=b", "invalid_request")]
#[case::unsupported("grant_type=client_credentials", "unsupported_grant_type")]
#[tokio::test]
async fn errors_are_those_of_rfc_6749(#[case] form: &str, #[case] error: &str) {
    let service = Service::start().await;
    service.register(EMAIL).await;
    let answer = grant(&service, form).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let body = answer.json();
    assert_eq!(keys(&body), ["error", "error_description"]);
    assert_eq!(body["error"], error);
}

#[tokio::test]
async fn a_deactivated_account_gets_no_grant() {
    let service = Service::start().await;
    service.register(EMAIL).await;
    sqlx::query("UPDATE users SET is_active = false").execute(&service.pool).await.unwrap();
    assert_eq!(grant(&service, PASSWORD_GRANT).await.json()["error"], "invalid_grant");
}

#[tokio::test]
async fn json_is_read_as_a_login() {
    let service = Service::start().await;
    service.register(EMAIL).await;
    let login = json!({ "email": EMAIL, "password": PASSWORD });
    Tokens::of(&service.client.post("/auth/token", &login).await);
    let wrong = service.client.post("/auth/token", &json!({ "email": EMAIL, "password": "x" })).await;
    problem(&wrong, StatusCode::UNAUTHORIZED, "invalid_credentials");
}

#[tokio::test]
async fn what_is_no_error_of_a_grant_is_a_problem() {
    let service = Service::start().await;
    let large = format!("grant_type=password&username=a&password={}", "x".repeat(kit::http::MAX_BODY));
    problem(&grant(&service, &large).await, StatusCode::PAYLOAD_TOO_LARGE, "too_large");
    let text = Request::post("/auth/token").header("content-type", "text/plain").body("{}".into()).unwrap();
    let refused = service.client.request(text).await;
    problem(&refused, StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type");
}

#[test]
fn every_answer_is_described_with_its_media_type() {
    let document = serde_json::to_value(Auth::openapi(Vec::new)).unwrap();
    let responses = document["paths"]["/auth/token"]["post"]["responses"].as_object().unwrap();
    for (status, response) in responses {
        let expected = match status.as_str() {
            "200" => vec!["application/json"],
            "400" => vec!["application/json", "application/problem+json"],
            _ => vec!["application/problem+json"],
        };
        assert_eq!(keys(&response["content"]), expected, "{status}");
    }
    let grant = &document["components"]["schemas"]["GrantError"];
    let error = &grant["properties"]["error"];
    let code = error["$ref"]
        .as_str()
        .map_or(error, |reference| document.pointer(reference.trim_start_matches('#')).unwrap());
    assert_eq!(code["enum"], json!(["invalid_request", "invalid_grant", "unsupported_grant_type"]));
}
