//! `POST /auth/validate`.

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use kit::auth::{Identity, Role, Subject, TokenError, Verifier, bearer};
use kit::extract::Json;
use kit::problem::codes::Unauthorized;
use kit::problem::{Problem, Problems};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The token to validate, for callers that do not send it as a header.
#[derive(Deserialize, ToSchema)]
pub(super) struct ValidateRequest {
    /// Access token.
    token: String,
}

/// What a valid token says.
#[derive(Serialize, ToSchema)]
pub(super) struct ValidateResponse {
    /// Always true: an invalid token gets 401.
    valid: bool,
    /// Whom the token speaks for.
    user: ValidatedUser,
}

/// Whom a token speaks for.
#[derive(Serialize, ToSchema)]
pub(super) struct ValidatedUser {
    /// User identifier, or `service:<name>`.
    id: String,
    /// E-mail address; absent for a service.
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    /// Role.
    role: Role,
}

impl From<Identity> for ValidateResponse {
    fn from(identity: Identity) -> Self {
        let id = match identity.subject {
            Subject::User(id) => id.to_string(),
            Subject::Service(name) => topology::service_subject(&name),
        };
        Self { valid: true, user: ValidatedUser { id, email: identity.email, role: identity.role } }
    }
}

/// Validates an access token, from the header or else from the body. Whatever is not a valid token is 401.
#[utoipa::path(
    post, path = "/auth/validate", tag = "auth", operation_id = "validate_token", security(("bearer" = []), ()),
    request_body(content = Option<ValidateRequest>, content_type = "application/json"),
    responses(
        (status = 200, description = "Whom the token speaks for", body = ValidateResponse),
        Problems<Unauthorized>
    )
)]
pub(super) async fn validate(
    State(verifier): State<Verifier>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<ValidateResponse>, Problem> {
    let identity = if headers.contains_key(AUTHORIZATION) {
        verifier.verify(bearer(&headers).ok_or(TokenError::Malformed)?)?
    } else {
        let body = body.map_err(|_| TokenError::Malformed)?;
        let request: ValidateRequest = serde_json::from_slice(&body).map_err(|_| TokenError::Malformed)?;
        verifier.verify(&request.token)?
    };
    Ok(Json(identity.into()))
}
