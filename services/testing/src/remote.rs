//! A server somewhere else, asked like a router.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use reqwest::redirect::Policy;

#[derive(Clone)]
struct Server {
    http: reqwest::Client,
    url: String,
}

/// Passes every request on to the server at `url`.
pub(crate) fn router(url: &str) -> Router {
    let http = reqwest::Client::builder().no_proxy().redirect(Policy::none()).build();
    let http = http.expect("an HTTP client can be made");
    let server = Server { http, url: url.trim_end_matches('/').to_owned() };
    Router::new().fallback(pass_on).with_state(server)
}

async fn pass_on(State(server): State<Server>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.expect("a test's body can be read");
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let request = server.http.request(parts.method, format!("{}{path}", server.url));
    let answer = request.headers(parts.headers).body(body).send().await.expect("the server answers");
    let (status, headers) = (answer.status(), answer.headers().clone());
    let body = answer.bytes().await.expect("the answer can be read");
    let mut response = Response::new(Body::from(body));
    (*response.status_mut(), *response.headers_mut()) = (status, headers);
    response
}
