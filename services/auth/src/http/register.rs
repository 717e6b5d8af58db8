//! `POST /auth/register`.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use kit::extract::Json;
use kit::idempotency::{self, IdempotencyKey};
use kit::problem::{Problem, ProblemBody};
use kit::timestamp::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::app::{Auth, Registered};
use crate::domain::{Registration, Role, User};

/// A new account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RegisterRequest {
    /// E-mail address; compares without case.
    #[schema(format = Email, max_length = 255, example = "jane.doe@example.com")]
    email: String,
    /// Password; what it must look like is configured.
    #[schema(value_type = String, format = Password, min_length = 8, max_length = 1024)]
    password: SecretString,
    /// First name.
    #[schema(min_length = 1, max_length = 100)]
    first_name: String,
    /// Last name.
    #[schema(min_length = 1, max_length = 100)]
    last_name: String,
    /// Telephone number in E.164 form.
    #[schema(pattern = r"^\+[1-9]\d{1,14}$", example = "+15551234567")]
    phone: Option<String>,
}

impl From<RegisterRequest> for Registration {
    fn from(request: RegisterRequest) -> Self {
        Self {
            email: request.email,
            password: request.password,
            first_name: request.first_name,
            last_name: request.last_name,
            phone: request.phone,
        }
    }
}

/// The account opened.
#[derive(Serialize, ToSchema)]
pub(super) struct RegisterResponse {
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
    phone: Option<String>,
    /// Role, always `customer` here.
    role: Role,
    /// When it was registered.
    created_at: Timestamp,
}

impl From<User> for RegisterResponse {
    fn from(user: User) -> Self {
        Self {
            id: user.id,
            email: user.email.to_string(),
            first_name: user.first_name,
            last_name: user.last_name,
            phone: user.phone,
            role: user.role,
            created_at: user.created_at.into(),
        }
    }
}

/// What a repeated request must have in common with the first one. Not the password: no fast hash of it may be kept.
#[derive(Serialize)]
struct Repeatable<'a> {
    email: &'a str,
    first_name: &'a str,
    last_name: &'a str,
    phone: Option<&'a str>,
}

impl RegisterRequest {
    /// Nobody is signed in yet, so a key belongs to whoever knows the address.
    fn repeatable(&self, key: &IdempotencyKey) -> Result<idempotency::Request, Problem> {
        let owner = format!("registration of {}", self.email.to_lowercase());
        let body = Repeatable {
            email: &self.email,
            first_name: &self.first_name,
            last_name: &self.last_name,
            phone: self.phone.as_deref(),
        };
        idempotency::Request::new(owner, key, "POST /auth/register", &body)
    }
}

/// Opens an account.
#[utoipa::path(
    post, path = "/auth/register", tag = "auth", request_body = RegisterRequest,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repeated request take effect once")),
    responses(
        (status = 201, body = RegisterResponse),
        (status = 400, body = ProblemBody, description = "Fields are invalid", content_type = "application/problem+json"),
        (status = 409, body = ProblemBody, description = "The address is registered already", content_type = "application/problem+json"),
        (status = 422, body = ProblemBody, description = "The idempotency key was used for another request", content_type = "application/problem+json"),
        (status = 503, body = ProblemBody, description = "Busy, or a store is away", content_type = "application/problem+json"),
    )
)]
pub(super) async fn register(
    State(auth): State<Auth>,
    key: Option<IdempotencyKey>,
    Json(request): Json<RegisterRequest>,
) -> Result<Response, Problem> {
    let key = key.map(|key| request.repeatable(&key)).transpose()?;
    Ok(match auth.register(request.into(), key, RegisterResponse::from).await? {
        Registered::Now(answer) => (StatusCode::CREATED, Json(answer)).into_response(),
        Registered::Before(kit::idempotency::legacy::Begin::Repeated(answer)) => answer.into_response(),
        Registered::Before(_) => Problem::internal().into_response(),
    })
}
