//! One operation of a description, completed.

use utoipa::openapi::path::{Operation, Parameter};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{RefOr, Response};

use super::{BEARER, headers};
use crate::access::{Rule, Who};
use crate::idempotency;
use crate::problem::{Code, codes_of, responses};

/// Who may call, as a list of words for programs.
const ACCESS: &str = "x-access";

pub(super) fn complete(operation: &mut Operation, rule: Option<&Rule>) {
    let mut codes = refusals(operation, rule);
    if let Some(rule) = rule {
        describe_access(operation, rule);
    }
    // What the handler listed under the same status stands first.
    for described in operation.responses.responses.values() {
        if let RefOr::T(response) = described {
            let listed = codes_of(response);
            codes.retain(|code| !listed.contains(code));
            codes.splice(0..0, listed);
        }
    }
    for (status, response) in responses(&codes) {
        let responses = &mut operation.responses.responses;
        let response = match responses.remove(status.as_str()) {
            Some(RefOr::T(described)) if codes_of(&described).is_empty() => both(described, response),
            _ => response,
        };
        responses.insert(status.as_str().to_owned(), response.into());
    }
    for (status, described) in &mut operation.responses.responses {
        if let RefOr::T(response) = described {
            name_what_has_no_name(status, response);
            headers::describe(status, response);
        }
    }
}

/// A status that a handler also answers in another form, such as that of another standard.
fn both(described: Response, mut problem: Response) -> Response {
    problem.description = format!("{}\n\nElse: {}", described.description, problem.description);
    problem.content.extend(described.content);
    problem
}

/// What can be refused before the use case begins.
fn refusals(operation: &Operation, rule: Option<&Rule>) -> Vec<Code> {
    let parameters = operation.parameters.as_deref().unwrap_or_default();
    let named = |name: &str| parameters.iter().filter_map(inline).any(|parameter| parameter.name == name);
    let mut codes = vec![Code::Unavailable];
    if rule.is_some_and(Rule::needs_token) {
        codes.push(Code::Unauthorized);
    }
    if rule.is_some_and(Rule::forbids) {
        codes.push(Code::Forbidden);
    }
    if rule.is_some_and(Rule::is_hidden) {
        codes.push(Code::NotFound);
    }
    if named(idempotency::HEADER) {
        codes.extend([Code::IdempotencyInFlight, Code::IdempotencyKeyReused]);
    }
    if !parameters.is_empty() || operation.request_body.is_some() {
        codes.push(Code::Validation);
    }
    if operation.request_body.is_some() {
        codes.extend([Code::BadRequest, Code::RequestTimeout, Code::TooLarge, Code::UnsupportedMediaType]);
    }
    codes
}

fn inline(parameter: &RefOr<Parameter>) -> Option<&Parameter> {
    match parameter {
        RefOr::T(parameter) => Some(parameter),
        RefOr::Ref(_) => None,
    }
}

fn describe_access(operation: &mut Operation, rule: &Rule) {
    let none = || vec![];
    let token = || vec![SecurityRequirement::new(BEARER, [] as [&str; 0])];
    // A handler that says more, such as that a token is optional, keeps its words.
    operation.security.get_or_insert_with(if rule.needs_token() { token } else { none });
    let who: Vec<String> = rule.who().iter().map(|who: &Who| who.name()).collect();
    operation.extensions.get_or_insert_default().insert(ACCESS.to_owned(), serde_json::json!(who));
    let sentence = rule.sentence();
    operation.description = Some(match operation.description.take() {
        Some(text) if !text.is_empty() => format!("{text}\n\n{sentence}"),
        _ => sentence,
    });
}

/// A response must have a description (OpenAPI 3.1, Response Object).
fn name_what_has_no_name(status: &str, response: &mut Response) {
    if response.description.is_empty() {
        let reason = status.parse().ok().and_then(|code| http::StatusCode::from_u16(code).ok());
        let name = reason.and_then(|status| status.canonical_reason()).unwrap_or("Answer");
        name.clone_into(&mut response.description);
    }
}
