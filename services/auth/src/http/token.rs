//! `POST /auth/token`: sign-in and refresh in the words of OAuth 2.0 (RFC 6749), or as JSON like `/auth/login`.

use axum::Form;
use axum::body::{Body, Bytes};
use axum::extract::rejection::FormRejection;
use axum::extract::{FromRequest, Request, State};
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, StatusCode};
use kit::extract::{self, Json};
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

/// Media type of a form (RFC 6749, appendix B).
const FORM: &str = "application/x-www-form-urlencoded";

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
    /// What is wrong with the grant.
    error: GrantErrorCode,
    /// Sentence for people.
    error_description: &'static str,
}

/// What can be wrong with a grant.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum GrantErrorCode {
    InvalidRequest,
    InvalidGrant,
    UnsupportedGrantType,
}

impl GrantError {
    const INVALID_REQUEST: Self = Self::new(
        GrantErrorCode::InvalidRequest,
        "A parameter of the grant is missing, repeated or malformed.",
    );
    const INVALID_GRANT: Self =
        Self::new(GrantErrorCode::InvalidGrant, "The credentials or the refresh token are not valid.");
    const UNSUPPORTED: Self =
        Self::new(GrantErrorCode::UnsupportedGrantType, "Use the grant type password or refresh_token.");

    const fn new(error: GrantErrorCode, error_description: &'static str) -> Self {
        Self { error, error_description }
    }
}

impl IntoResponse for GrantError {
    fn into_response(self) -> Response {
        let no_store = [(CACHE_CONTROL, HeaderValue::from_static("no-store"))];
        (StatusCode::BAD_REQUEST, no_store, Json(self)).into_response()
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
        // RFC 6749, section 5.2: a form's wrong credentials are 400 as well, with an error of its own form.
        (status = 400, body = GrantError, content_type = "application/json", description = "The grant is invalid"),
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
    let body = match extract::body(request).await {
        Ok(body) => body,
        Err(problem) => return problem.into_response(),
    };
    let Ok(form) = read(body).await else {
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

/// The parameters of a form.
async fn read(body: Bytes) -> Result<TokenForm, FormRejection> {
    let mut request = Request::new(Body::from(body));
    *request.method_mut() = Method::POST;
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(FORM));
    Form::from_request(request, &()).await.map(|Form(form)| form)
}

fn is_form(request: &Request) -> bool {
    let content_type =
        request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case(FORM)
}
