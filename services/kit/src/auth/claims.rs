//! Claims of access tokens and service tokens.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::identity::Role;

/// `typ` of both kinds of token (RFC 9068 section 2.1).
pub const TOKEN_TYPE: &str = "at+jwt";

/// Claims of an access token, or of a service token. Times are seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Issuer.
    pub iss: String,
    /// User id, or `service:<name>`.
    pub sub: String,
    /// `shopflow` for people, the callee for services.
    pub aud: String,
    /// Role.
    pub role: Role,
    /// E-mail address of a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Session of a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<Uuid>,
    /// Issued at.
    pub iat: i64,
    /// The same in milliseconds, by which a revocation tells the tokens before it from those after it in
    /// one second. A private claim: RFC 7519 allows fractions in `iat`, but many libraries refuse them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iat_ms: Option<i64>,
    /// Not before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<i64>,
    /// Expires at.
    pub exp: i64,
    /// Id of the token.
    pub jti: String,
}
