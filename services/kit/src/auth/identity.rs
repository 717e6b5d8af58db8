//! Who a verified token speaks for, and what they may do.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::problem::Problem;

/// What a caller may do in general.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = TokenRole)]
pub enum Role {
    /// Buys.
    Customer,
    /// Sells own products.
    Vendor,
    /// Runs the shop.
    Admin,
    /// Another service; only in tokens.
    Service,
}

impl Role {
    /// As it stands in tokens and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Vendor => "vendor",
            Self::Admin => "admin",
            Self::Service => "service",
        }
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whom a token speaks for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A person.
    User(Uuid),
    /// A service of this platform, by name.
    Service(String),
}

/// A caller whose token was verified. As an extractor it answers 401 when there is none;
/// `Option<Identity>` accepts callers without a token, but still refuses a bad one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Whom the token speaks for.
    pub subject: Subject,
    /// Role.
    pub role: Role,
    /// E-mail address of a person.
    pub email: Option<String>,
    /// Session of a person.
    pub session: Option<Uuid>,
    /// When the token was issued, in milliseconds if it says so ([`Claims::iat_ms`](super::Claims)).
    pub issued_at: DateTime<Utc>,
    /// `exp`.
    pub expires_at: DateTime<Utc>,
}

impl Identity {
    /// The person, if it is one.
    pub fn user_id(&self) -> Option<Uuid> {
        match self.subject {
            Subject::User(id) => Some(id),
            Subject::Service(_) => None,
        }
    }

    /// Whether it is an admin.
    pub fn is_admin(&self) -> bool {
        self.role == Role::Admin
    }

    /// The person; 403 for a service.
    pub fn require_user(&self) -> Result<Uuid, Problem> {
        self.user_id().ok_or_else(|| Problem::forbidden("Only a person may do this."))
    }

    /// Refuses everyone but admins with 403.
    pub fn require_admin(&self) -> Result<(), Problem> {
        self.require_role(&[Role::Admin])
    }

    /// Refuses everyone but these roles with 403.
    pub fn require_role(&self, roles: &[Role]) -> Result<(), Problem> {
        if roles.contains(&self.role) {
            Ok(())
        } else {
            Err(Problem::forbidden("Your role does not allow this."))
        }
    }

    /// Refuses everyone but the user `user_id` and these roles with 403.
    pub fn require_self_or(&self, user_id: Uuid, roles: &[Role]) -> Result<(), Problem> {
        if self.user_id() == Some(user_id) {
            Ok(())
        } else {
            self.require_role(roles).map_err(|_| Problem::forbidden("This belongs to someone else."))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(subject: Subject, role: Role) -> Identity {
        let now = Utc::now();
        Identity { subject, role, email: None, session: None, issued_at: now, expires_at: now }
    }

    #[test]
    fn self_and_listed_roles_pass_others_get_403() {
        let owner = Uuid::now_v7();
        let allowed = &[Role::Admin, Role::Service];
        let cases = [
            (identity(Subject::User(owner), Role::Customer), true),
            (identity(Subject::User(Uuid::now_v7()), Role::Customer), false),
            (identity(Subject::User(Uuid::now_v7()), Role::Vendor), false),
            (identity(Subject::User(Uuid::now_v7()), Role::Admin), true),
            (identity(Subject::Service("order".to_owned()), Role::Service), true),
        ];
        for (caller, passes) in cases {
            let result = caller.require_self_or(owner, allowed);
            assert_eq!(result.is_ok(), passes, "{caller:?}");
            if let Err(problem) = result {
                assert_eq!(problem.status(), http::StatusCode::FORBIDDEN);
            }
        }
    }
}
