//! `POST /auth/register`.

use axum::extract::State;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kit::extract::Json;
use kit::idempotency::{self, Answer, Begin, IdempotencyKey, KeyHeader};
use kit::problem::codes::EmailTaken;
use kit::problem::{Problem, Problems};
use kit::timestamp::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::app::Auth;
use crate::domain::email::TypedEmail;
use crate::domain::{Registration, Role, User};

/// A new account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RegisterRequest {
    /// E-mail address; compares without case.
    #[schema(format = Email, max_length = 255, example = "jane.doe@example.com")]
    email: String,
    /// Password; what it must look like is configured.
    #[schema(value_type = String, format = Password, example = "S3cur3P@ssw0rd!", min_length = 8, max_length = 1024)]
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
    /// Nobody is signed in yet, so a key belongs to whoever knows the address; its digest, because keys are kept in clear.
    fn repeatable(&self, key: &IdempotencyKey) -> Result<idempotency::Request, Problem> {
        let digest = Sha256::digest(TypedEmail::new(self.email.as_str()).folded());
        let owner = format!("registration:{}", URL_SAFE_NO_PAD.encode(digest));
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
    post, path = "/auth/register", tag = "auth", operation_id = "register_user", request_body = RegisterRequest,
    params(KeyHeader),
    responses(
        (status = 201, description = "The account", body = RegisterResponse),
        Problems<EmailTaken>
    )
)]
pub(super) async fn register(
    State(auth): State<Auth>,
    key: Option<IdempotencyKey>,
    Json(request): Json<RegisterRequest>,
) -> Result<Answer, Problem> {
    let key = key.map(|key| request.repeatable(&key)).transpose()?;
    let registration = auth.check_registration(request.into()).await?;
    let mut work = match idempotency::begin(&auth.database, &auth.clock, key).await? {
        Begin::Fresh(work) => work,
        Begin::Repeated(answer) => return Ok(answer),
    };
    let user = auth.register(work.transaction(), &registration).await?;
    let id = user.id;
    let answer = Answer::created(format!("/auth/users/{id}"), &RegisterResponse::from(user))?;
    let answer = work.commit(answer).await?;
    kit::outcome!("account opened", user.id = %id);
    Ok(answer)
}
