//! Answers that several endpoints share.

use axum::response::{IntoResponse, Response};
use http::HeaderValue;
use http::header::CACHE_CONTROL;
use kit::extract::Json;
use kit::timestamp::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::app::TokenPair;
use crate::domain::{Role, User};

/// The tokens of a session.
#[derive(Serialize, ToSchema)]
pub(super) struct TokenResponse {
    /// Signed access token, for `Authorization: Bearer`.
    access_token: String,
    /// Opaque token to get the next pair with; usable once.
    refresh_token: String,
    /// Always `Bearer`.
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// Life of the access token, in seconds.
    #[schema(example = 3600)]
    expires_in: i64,
}

impl From<TokenPair> for TokenResponse {
    fn from(pair: TokenPair) -> Self {
        Self {
            access_token: pair.access_token,
            refresh_token: pair.refresh_token.expose(),
            token_type: "Bearer",
            expires_in: pair.expires_in,
        }
    }
}

impl IntoResponse for TokenResponse {
    fn into_response(self) -> Response {
        // RFC 6749, section 5.1: nobody on the way may keep tokens.
        ([(CACHE_CONTROL, HeaderValue::from_static("no-store"))], Json(self)).into_response()
    }
}

/// An account.
#[derive(Serialize, ToSchema)]
pub(super) struct UserResponse {
    /// Identifier.
    id: Uuid,
    /// E-mail address.
    #[schema(format = Email)]
    email: String,
    /// First name.
    first_name: String,
    /// Last name.
    last_name: String,
    /// Telephone number in E.164 form.
    #[schema(example = "+15551234567")]
    phone: Option<String>,
    /// Role.
    role: Role,
    /// Whether the account may sign in.
    is_active: bool,
    /// When it was registered.
    created_at: Timestamp,
    /// When it last changed.
    updated_at: Timestamp,
}

impl From<User> for UserResponse {
    fn from(user: User) -> Self {
        Self {
            id: user.id,
            email: user.email.to_string(),
            first_name: user.first_name,
            last_name: user.last_name,
            phone: user.phone,
            role: user.role,
            is_active: user.is_active,
            created_at: user.created_at.into(),
            updated_at: user.updated_at.into(),
        }
    }
}
