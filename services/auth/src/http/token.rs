//! `POST /auth/token`: sign-in and refresh in the words of OAuth 2.0 (RFC 6749), or as JSON like `/auth/login`.

use axum::Form;
use axum::extract::{FromRequest, Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use kit::extract::Json;
use kit::problem::codes::{AccountDeactivated, InvalidCredentials, TooManyRequests};
use kit::problem::{Problem, Problems};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::client::RequestClient;
use super::login::LoginRequest;
use super::responses::TokenResponse;
use crate::app::{Auth, Credentials, Error};
use crate::domain::Client;

/// Parameters of a grant. Unknown ones are ignored, as RFC 6749 section 3.2 demands.
#[derive(Deserialize, ToSchema)]
pub(super) struct TokenForm {
    /// `password` or `refresh_token`.
    grant_type: Option<String>,
    /// E-mail address, for `password`.
    username: Option<String>,
    /// Password, for `password`.
    #[schema(value_type = Option<String>, format = Password)]
    password: Option<SecretString>,
    /// Refresh token, for `refresh_token`.
    refresh_token: Option<String>,
}

/// An error of a grant (RFC 6749, section 5.2).
#[derive(Serialize, ToSchema)]
pub(super) struct GrantError {
    /// `invalid_request`, `invalid_grant` or `unsupported_grant_type`.
    error: &'static str,
    /// Sentence for people.
    error_description: &'static str,
}

impl GrantError {
    const INVALID_REQUEST: Self =
        Self::new("invalid_request", "A parameter of the grant is missing, repeated or malformed.");
    const INVALID_GRANT: Self =
        Self::new("invalid_grant", "The credentials or the refresh token are not valid.");
    const UNSUPPORTED: Self =
        Self::new("unsupported_grant_type", "Use the grant type password or refresh_token.");

    const fn new(error: &'static str, error_description: &'static str) -> Self {
        Self { error, error_description }
    }
}

impl IntoResponse for GrantError {
    fn into_response(self) -> Response {
        (StatusCode::BAD_REQUEST, Json(self)).into_response()
    }
}

/// Signs in or refreshes, by an OAuth 2.0 form grant or by the JSON of `/auth/login`.
#[utoipa::path(
    post, path = "/auth/token", tag = "auth", operation_id = "grant_token",
    request_body(content(
        (TokenForm = "application/x-www-form-urlencoded"),
        (LoginRequest = "application/json"),
    )),
    responses(
        (status = 200, description = "A session's tokens", body = TokenResponse),
        (status = 400, body = GrantError, description = "The grant is invalid"),
        Problems<(InvalidCredentials, AccountDeactivated, TooManyRequests)>
    )
)]
pub(super) async fn token(
    State(auth): State<Auth>,
    RequestClient(client): RequestClient,
    request: Request,
) -> Response {
    if is_form(&request) {
        grant(&auth, client, request).await
    } else {
        json(&auth, client, request).await.into_response()
    }
}

async fn json(auth: &Auth, client: Client, request: Request) -> Result<TokenResponse, Problem> {
    let Json(login) = Json::<LoginRequest>::from_request(request, &()).await?;
    Ok(auth.sign_in(login.into(), client).await?.into())
}

async fn grant(auth: &Auth, client: Client, request: Request) -> Response {
    let Ok(Form(form)) = Form::<TokenForm>::from_request(request, &()).await else {
        return GrantError::INVALID_REQUEST.into_response();
    };
    let result = match (form.grant_type.as_deref(), form.username, form.password, form.refresh_token) {
        (Some("password"), Some(email), Some(password), _) => {
            auth.sign_in(Credentials { email, password }, client).await
        }
        (Some("refresh_token"), _, _, Some(token)) => auth.refresh(&token, &client).await,
        (Some("password" | "refresh_token") | None, ..) => {
            return GrantError::INVALID_REQUEST.into_response();
        }
        (Some(_), ..) => return GrantError::UNSUPPORTED.into_response(),
    };
    match result {
        Ok(pair) => TokenResponse::from(pair).into_response(),
        Err(
            Error::InvalidCredentials
            | Error::Deactivated
            | Error::InvalidRefreshToken
            | Error::RefreshTokenReused,
        ) => GrantError::INVALID_GRANT.into_response(),
        Err(error) => Problem::from(error).into_response(),
    }
}

fn is_form(request: &Request) -> bool {
    let content_type =
        request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}
