//! `POST /auth/login`.

use axum::extract::State;
use kit::extract::Json;
use kit::problem::{Problem, ProblemBody};
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

use super::client::RequestClient;
use super::views::TokenResponse;
use crate::app::{Auth, Credentials};

/// What somebody signs in with.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LoginRequest {
    /// E-mail address; compares without case.
    #[schema(format = Email, example = "jane.doe@example.com")]
    email: String,
    /// Password.
    #[schema(value_type = String, format = Password)]
    password: SecretString,
}

impl From<LoginRequest> for Credentials {
    fn from(request: LoginRequest) -> Self {
        Self { email: request.email, password: request.password }
    }
}

/// Signs in.
#[utoipa::path(
    post, path = "/auth/login", tag = "auth", request_body = LoginRequest,
    responses(
        (status = 200, body = TokenResponse),
        (status = 400, body = ProblemBody, description = "Fields are missing", content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, description = "Unknown address or wrong password", content_type = "application/problem+json"),
        (status = 403, body = ProblemBody, description = "The account is deactivated", content_type = "application/problem+json"),
        (status = 429, body = ProblemBody, description = "Too many wrong passwords", content_type = "application/problem+json"),
        (status = 503, body = ProblemBody, description = "Busy, or a store is away", content_type = "application/problem+json"),
    )
)]
pub(super) async fn login(
    State(auth): State<Auth>,
    RequestClient(client): RequestClient,
    Json(request): Json<LoginRequest>,
) -> Result<TokenResponse, Problem> {
    Ok(auth.sign_in(request.into(), client).await?.into())
}
