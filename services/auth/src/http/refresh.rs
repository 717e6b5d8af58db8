//! `POST /auth/refresh`.

use axum::extract::State;
use kit::extract::Json;
use kit::problem::codes::InvalidRefreshToken;
use kit::problem::{Problem, Problems};
use serde::Deserialize;
use utoipa::ToSchema;

use super::client::RequestClient;
use super::responses::TokenResponse;
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
    post, path = "/auth/refresh", tag = "auth", operation_id = "refresh_tokens", request_body = RefreshRequest,
    responses(
        (status = 200, description = "The next pair of tokens", body = TokenResponse),
        Problems<InvalidRefreshToken>
    )
)]
pub(super) async fn refresh(
    State(auth): State<Auth>,
    RequestClient(client): RequestClient,
    Json(request): Json<RefreshRequest>,
) -> Result<TokenResponse, Problem> {
    Ok(auth.refresh(&request.refresh_token, &client).await?.into())
}
