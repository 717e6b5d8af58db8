//! `POST /auth/refresh`.

use axum::extract::State;
use kit::extract::Json;
use kit::problem::{Problem, ProblemBody};
use serde::Deserialize;
use utoipa::ToSchema;

use super::client::RequestClient;
use super::views::TokenResponse;
use crate::app::Auth;

/// The refresh token to exchange.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RefreshRequest {
    /// Refresh token of the latest pair.
    refresh_token: String,
}

/// Exchanges a refresh token for a new pair. Each is worth one exchange: presented again later, it ends the session.
#[utoipa::path(
    post, path = "/auth/refresh", tag = "auth", request_body = RefreshRequest,
    responses(
        (status = 200, body = TokenResponse),
        (status = 400, body = ProblemBody, description = "The field is missing", content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, description = "Invalid or expired refresh token", content_type = "application/problem+json"),
    )
)]
pub(super) async fn refresh(
    State(auth): State<Auth>,
    RequestClient(client): RequestClient,
    Json(request): Json<RefreshRequest>,
) -> Result<TokenResponse, Problem> {
    Ok(auth.refresh(&request.refresh_token, &client).await?.into())
}
