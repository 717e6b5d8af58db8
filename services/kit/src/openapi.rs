//! The description of a service's API, completed.
//!
//! A handler describes what only it knows: its parameters, its bodies, what its use case refuses. What follows from
//! the route itself is written here, once for every operation of every service: the licence and version, the security
//! scheme and who may call, refusals for lack of a token, for a broken field or a body too large, the key of
//! idempotent requests, and the headers of every answer.

mod headers;
mod operation;
mod tidy;

use std::collections::BTreeMap;

use utoipa::ToSchema as _;
use utoipa::openapi::info::{Info, InfoBuilder, LicenseBuilder};
use utoipa::openapi::path::{HttpMethod, Operation, PathItem, Paths};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::server::{Server, ServerBuilder};
use utoipa::openapi::{Components, OpenApi, Response};

use crate::access::Access;
use crate::problem::{Code, ProblemBody, responses};
use crate::validation::FieldError;

/// Name of the security scheme for access tokens and service tokens alike.
pub const BEARER: &str = "bearer";

/// What the description of a service says of the service as a whole.
#[derive(Debug, Clone, Copy)]
pub struct Summary {
    /// Such as `ShopFlow orders`.
    pub title: &'static str,
    /// What it does, in a sentence.
    pub description: &'static str,
}

/// A document without routes, with what every description has.
pub fn empty(summary: Summary) -> OpenApi {
    let mut document = OpenApi::new(info(summary), Paths::new());
    document.servers = Some(vec![address()]);
    add_components(document.components.get_or_insert_default());
    document
}

/// Responses for these codes, one for each status, with their headers.
pub fn problems(codes: &[Code]) -> BTreeMap<String, Response> {
    let described = responses(codes).into_iter().map(|(status, mut response)| {
        headers::describe(status.as_str(), &mut response);
        (status.as_str().to_owned(), response)
    });
    described.collect()
}

/// `document`, as its routes describe it, with everything that follows from the routes and their rules.
pub fn complete(mut document: OpenApi, summary: Summary, access: &Access) -> OpenApi {
    document.info = info(summary);
    document.servers = Some(vec![address()]);
    add_components(document.components.get_or_insert_default());
    for (path, item) in &mut document.paths.paths {
        for (method, described) in operations(item) {
            operation::complete(described, access.rule(&method_of(&method), path));
        }
    }
    tidy::tidy(document)
}

/// Version and licence are the workspace's.
fn info(summary: Summary) -> Info {
    let licence = env!("CARGO_PKG_LICENSE");
    InfoBuilder::new()
        .title(summary.title)
        .description(Some(summary.description))
        .version(env!("CARGO_PKG_VERSION"))
        .license(Some(LicenseBuilder::new().name(licence).identifier(Some(licence)).build()))
        .build()
}

fn address() -> Server {
    ServerBuilder::new().url("/").description(Some("The address of this document")).build()
}

fn add_components(components: &mut Components) {
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some("An access token of `POST /auth/login`, or a service token."))
        .build();
    components.add_security_scheme(BEARER, SecurityScheme::Http(bearer));
    for (name, header) in headers::all() {
        components.headers.insert(name.to_owned(), header.into());
    }
    for (name, schema) in [
        (ProblemBody::name(), <ProblemBody as utoipa::PartialSchema>::schema()),
        (FieldError::name(), <FieldError as utoipa::PartialSchema>::schema()),
    ] {
        components.schemas.insert(name.into_owned(), schema);
    }
}

/// Method and path of every operation.
pub(crate) fn routes_of(document: &OpenApi) -> Vec<String> {
    let items = document.paths.paths.clone().into_iter();
    let routes = items.flat_map(|(path, mut item)| {
        let methods: Vec<HttpMethod> = operations(&mut item).map(|(method, _)| method).collect();
        methods.into_iter().map(move |method| format!("{} {path}", method_of(&method)))
    });
    routes.collect()
}

/// The operations of a path with their methods.
fn operations(item: &mut PathItem) -> impl Iterator<Item = (HttpMethod, &mut Operation)> {
    [
        (HttpMethod::Get, &mut item.get),
        (HttpMethod::Put, &mut item.put),
        (HttpMethod::Post, &mut item.post),
        (HttpMethod::Patch, &mut item.patch),
        (HttpMethod::Delete, &mut item.delete),
    ]
    .into_iter()
    .filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

fn method_of(method: &HttpMethod) -> http::Method {
    match method {
        HttpMethod::Get => http::Method::GET,
        HttpMethod::Put => http::Method::PUT,
        HttpMethod::Post => http::Method::POST,
        HttpMethod::Patch => http::Method::PATCH,
        HttpMethod::Delete => http::Method::DELETE,
        HttpMethod::Options => http::Method::OPTIONS,
        HttpMethod::Head => http::Method::HEAD,
        HttpMethod::Trace => http::Method::TRACE,
    }
}

#[cfg(test)]
mod tests;
