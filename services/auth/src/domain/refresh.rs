//! Refresh tokens: their form, how one follows another, and what a presented one is worth.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Duration, Utc};
use sha2::{Digest, Sha256};

/// For how long the immediate predecessor still gets the same successor: a lost response is not an attack.
pub(crate) const GRACE: Duration = Duration::seconds(10);

/// Lets people and secret scanners recognise what they found.
const PREFIX: &str = "sfr_";

/// Random bytes mixed into a successor; stored with the predecessor.
pub(crate) type Salt = [u8; 32];

/// What is stored of a refresh token.
pub(crate) type Fingerprint = [u8; 32];

/// An opaque refresh token: 256 random bits. Only its fingerprint is ever stored.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct RefreshToken([u8; 32]);

impl RefreshToken {
    /// The token of these bytes, which nobody must be able to guess.
    pub(crate) const fn from_random(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads a token as a client presents it.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text.strip_prefix(PREFIX)?).ok()?;
        bytes.try_into().ok().map(Self)
    }

    /// The text handed to the client.
    pub(crate) fn expose(&self) -> String {
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(self.0))
    }

    /// SHA-256 of the token. The token is random, so a slow hash would add nothing.
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        Sha256::digest(self.0).into()
    }

    /// The token that follows this one.
    ///
    /// Derived rather than drawn, so that the same successor can be given again without being stored: it takes both
    /// this token, which only the client has, and the salt, which only the database has. All parts have a fixed
    /// length, hence the plain hash.
    #[must_use]
    pub(crate) fn successor(&self, salt: &Salt) -> Self {
        let digest =
            Sha256::new().chain_update(b"shopflow/refresh/successor").chain_update(self.0).chain_update(salt);
        Self(digest.finalize().into())
    }
}

/// A presented token as the store knows it, with all that decides on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PresentedToken {
    /// When the token expires.
    pub(crate) expires_at: DateTime<Utc>,
    /// When it was exchanged for its successor, if it was.
    pub(crate) rotated_at: Option<DateTime<Utc>>,
    /// Whether its successor was exchanged in turn.
    pub(crate) successor_used: bool,
    /// Whether its session has ended.
    pub(crate) session_ended: bool,
    /// Whether its account may sign in.
    pub(crate) user_active: bool,
}

/// What to do with a presented token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Exchange it for a successor.
    Rotate,
    /// Give the successor that it already has.
    Repeat,
    /// It was stolen, or its successor was: end the family.
    RevokeFamily,
    /// It is worth nothing any more.
    Refuse,
}

/// Decides on a presented refresh token (RFC 9700, section 4.14.2, with a grace for lost responses).
pub(crate) fn decide(token: &PresentedToken, now: DateTime<Utc>) -> Decision {
    if token.session_ended || !token.user_active {
        return Decision::Refuse;
    }
    match token.rotated_at {
        // A clock behind the one that rotated makes this negative, which is within the grace as well.
        Some(rotated_at) if !token.successor_used && now - rotated_at <= GRACE => Decision::Repeat,
        Some(_) => Decision::RevokeFamily,
        None if token.expires_at <= now => Decision::Refuse,
        None => Decision::Rotate,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    const fn fresh() -> PresentedToken {
        PresentedToken {
            expires_at: DateTime::<Utc>::MAX_UTC,
            rotated_at: None,
            successor_used: false,
            session_ended: false,
            user_active: true,
        }
    }

    #[rstest]
    #[case::fresh(fresh(), Decision::Rotate)]
    #[case::expires_now(PresentedToken { expires_at: at(0), ..fresh() }, Decision::Refuse)]
    #[case::last_second(PresentedToken { expires_at: at(1), ..fresh() }, Decision::Rotate)]
    #[case::lost_response(PresentedToken { rotated_at: Some(at(-10)), ..fresh() }, Decision::Repeat)]
    #[case::clock_behind(PresentedToken { rotated_at: Some(at(3)), ..fresh() }, Decision::Repeat)]
    #[case::too_late(PresentedToken { rotated_at: Some(at(-11)), ..fresh() }, Decision::RevokeFamily)]
    #[case::not_immediate(PresentedToken { rotated_at: Some(at(-1)), successor_used: true, ..fresh() }, Decision::RevokeFamily)]
    #[case::expired_reuse(PresentedToken { rotated_at: Some(at(-99)), expires_at: at(-9), ..fresh() }, Decision::RevokeFamily)]
    #[case::ended(PresentedToken { session_ended: true, ..fresh() }, Decision::Refuse)]
    #[case::ended_reuse(PresentedToken { session_ended: true, rotated_at: Some(at(-99)), ..fresh() }, Decision::Refuse)]
    #[case::deactivated(PresentedToken { user_active: false, ..fresh() }, Decision::Refuse)]
    fn a_presented_token_is_worth(#[case] token: PresentedToken, #[case] expected: Decision) {
        assert_eq!(decide(&token, at(0)), expected);
    }

    #[test]
    fn a_token_survives_the_wire_and_never_shows_its_fingerprint() {
        let token = RefreshToken::from_random([7; 32]);
        let text = token.expose();
        assert!(RefreshToken::parse(&text).unwrap() == token);
        assert!(!text.contains(&URL_SAFE_NO_PAD.encode(token.fingerprint())));
    }

    #[rstest]
    #[case("")]
    #[case("sfr_")]
    #[case("sfr_AAAA")]
    #[case("eyJhbGciOiJIUzI1NiIs.e30.x")]
    fn other_text_is_no_token(#[case] text: &str) {
        assert!(RefreshToken::parse(text).is_none());
    }

    #[test]
    fn a_successor_depends_on_token_and_salt() {
        let token = RefreshToken::from_random([7; 32]);
        assert!(token.successor(&[1; 32]) == token.successor(&[1; 32]));
        assert!(token.successor(&[1; 32]) != token.successor(&[2; 32]));
        assert!(token.successor(&[1; 32]) != RefreshToken::from_random([8; 32]).successor(&[1; 32]));
        assert_ne!(token.successor(&[1; 32]).0, token.fingerprint());
    }

    prop_compose! {
        fn any_presented()(
            expires in -100_i64..100, rotated in proptest::option::of(-100_i64..5),
            successor_used: bool, session_ended: bool, user_active: bool,
        ) -> PresentedToken {
            PresentedToken {
                expires_at: at(expires), rotated_at: rotated.map(at), successor_used, session_ended, user_active,
            }
        }
    }

    proptest! {
        #[test]
        fn nothing_is_issued_to_an_ended_session_or_a_deactivated_account(token in any_presented()) {
            let token = PresentedToken { session_ended: true, ..token };
            prop_assert_eq!(decide(&token, at(0)), Decision::Refuse);
            let token = PresentedToken { session_ended: false, user_active: false, ..token };
            prop_assert_eq!(decide(&token, at(0)), Decision::Refuse);
        }

        #[test]
        fn a_token_is_exchanged_at_most_once(token in any_presented()) {
            if decide(&token, at(0)) == Decision::Rotate {
                prop_assert_eq!(token.rotated_at, None);
                prop_assert!(token.expires_at > at(0));
            }
        }

        #[test]
        fn once_the_grace_is_over_a_used_token_never_yields_anything(token in any_presented(), later in 111_i64..9999) {
            if token.rotated_at.is_some() {
                let decision = decide(&token, at(later));
                prop_assert!(matches!(decision, Decision::RevokeFamily | Decision::Refuse));
            }
        }
    }
}
