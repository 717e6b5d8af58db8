//! What an access token says.

use chrono::{DateTime, Duration, Utc};
use kit::auth::Claims;
use uuid::Uuid;

use super::User;

/// Claims of an access token for `user` in session `session`, valid from `now` for `ttl`.
///
/// `revoked_before` is the moment up to which the account's earlier tokens were revoked, its own millisecond
/// included: a token issued in it, or by a replica whose clock is behind, is dated one millisecond later. `id` is
/// unique to the token.
pub(crate) fn access_claims(
    issuer: &str,
    user: &User,
    session: Uuid,
    now: DateTime<Utc>,
    ttl: Duration,
    revoked_before: Option<DateTime<Utc>>,
    id: Uuid,
) -> Claims {
    let nbf = now.timestamp();
    let iat_ms = now.timestamp_millis();
    let iat_ms = revoked_before.map_or(iat_ms, |revoked| iat_ms.max(revoked.timestamp_millis() + 1));
    Claims {
        iss: issuer.to_owned(),
        sub: user.id.to_string(),
        aud: topology::ACCESS_TOKEN_AUDIENCE.to_owned(),
        role: user.role.into(),
        email: Some(user.email.as_str().to_owned()),
        sid: Some(session),
        iat: iat_ms.div_euclid(1000),
        iat_ms: Some(iat_ms),
        nbf: Some(nbf),
        exp: nbf + ttl.num_seconds(),
        jti: id.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Email, Role};

    fn claims(now_ms: i64, revoked_ms: Option<i64>) -> Claims {
        let at = |ms| DateTime::from_timestamp_millis(ms).unwrap();
        let user = User {
            id: Uuid::from_u128(1),
            email: Email::parse("jane.doe@example.com").unwrap(),
            first_name: "Jane".into(),
            last_name: "Doe".into(),
            phone: None,
            role: Role::Customer,
            is_active: true,
            created_at: at(0),
            updated_at: at(0),
            version: 1,
        };
        let (session, token, ttl) = (Uuid::from_u128(2), Uuid::from_u128(3), Duration::hours(1));
        access_claims("https://shop", &user, session, at(now_ms), ttl, revoked_ms.map(at), token)
    }

    #[test]
    fn a_token_lives_for_its_time_to_live() {
        let claims = claims(1_000_500, None);
        assert_eq!((claims.iat, claims.nbf, claims.exp), (1000, Some(1000), 4600));
    }

    #[test]
    fn a_token_of_the_second_of_a_revocation_is_dated_after_it() {
        let issued = |now_ms, revoked_ms| {
            let claims = claims(now_ms, Some(revoked_ms));
            (claims.iat, claims.iat_ms.unwrap())
        };
        assert_eq!(issued(1_000_900, 1_000_100), (1000, 1_000_900), "later in the same second");
        assert_eq!(issued(1_000_100, 1_000_100), (1000, 1_000_101), "in the same millisecond");
        assert_eq!(issued(1_000_100, 1_000_999), (1001, 1_001_000), "by a clock that is behind");
        assert_eq!(issued(1_000_900, 900_000), (1000, 1_000_900));
    }
}
