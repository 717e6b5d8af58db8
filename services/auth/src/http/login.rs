//! `POST /auth/login`.

use axum::extract::State;
use kit::extract::Json;
use kit::problem::codes::{AccountDeactivated, InvalidCredentials, TooManyRequests};
use kit::problem::{Problem, Problems};
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

use super::client::RequestClient;
use super::responses::TokenResponse;
use crate::app::{Auth, Credentials};

/// What somebody signs in with.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LoginRequest {
    /// E-mail address; compares without case.
    #[schema(format = Email, example = "jane.doe@example.com")]
    email: String,
    /// Password.
    #[schema(value_type = String, format = Password, example = "S3cur3P@ssw0rd!")]
    password: SecretString,
}

impl From<LoginRequest> for Credentials {
    fn from(request: LoginRequest) -> Self {
        Self { email: request.email, password: request.password }
    }
}

/// Signs in.
#[utoipa::path(
    post, path = "/auth/login", tag = "auth", operation_id = "sign_in", request_body = LoginRequest,
    responses(
        (status = 200, description = "A session's tokens", body = TokenResponse),
        Problems<(InvalidCredentials, AccountDeactivated, TooManyRequests)>
    )
)]
pub(super) async fn login(
    State(auth): State<Auth>,
    RequestClient(client): RequestClient,
    Json(request): Json<LoginRequest>,
) -> Result<TokenResponse, Problem> {
    Ok(auth.sign_in(request.into(), client).await?.into())
}
