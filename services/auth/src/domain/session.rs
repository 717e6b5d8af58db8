//! Sessions: what one sign-in starts and a logout ends. A session is also the family of its refresh tokens.

use chrono::{DateTime, Duration, Utc};
use uuid::Uuid;

/// A session ends this long after its sign-in, however often it is used: whoever took a session over does not keep it
/// for ever (OWASP Application Security Verification Standard 4.0, requirement 3.3.2). As long as the longest life of a
/// refresh token that the resource allows.
pub(crate) const MAX_LIFE: Duration = Duration::days(365);

/// Sessions of one account that can be used at the same time. One more ends the session that was unused for longest.
pub(crate) const MAX_PER_USER: i64 = 50;

/// Maximum length of the description of a device, in characters.
const MAX_DEVICE_LENGTH: usize = 255;

/// Where a request came from, as far as it is known; shown to the account's owner only.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Client {
    /// `User-Agent` of the client.
    pub(crate) device: Option<String>,
    /// Address of the client.
    pub(crate) ip: Option<String>,
}

impl Client {
    /// Describes a client; the device's description is cut and cleaned, because anybody may send anything.
    pub(crate) fn new(device: Option<&str>, ip: Option<std::net::IpAddr>) -> Self {
        let device = device
            .map(|text| text.chars().filter(|c| !c.is_control()).take(MAX_DEVICE_LENGTH).collect::<String>())
            .filter(|text| !text.is_empty());
        Self { device, ip: ip.map(|ip| ip.to_string()) }
    }
}

/// A session as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Session {
    /// Identifier; `sid` of its access tokens.
    pub(crate) id: Uuid,
    /// Client that signed in, or that last refreshed.
    pub(crate) client: Client,
    /// When it began.
    pub(crate) created_at: DateTime<Utc>,
    /// When its tokens were last issued.
    pub(crate) last_used_at: DateTime<Utc>,
    /// When its newest refresh token expires.
    pub(crate) expires_at: DateTime<Utc>,
}

/// Until when a session that began at `created_at` can be used, when it is used now and its refresh tokens live for
/// `ttl`.
pub(crate) fn expiry(created_at: DateTime<Utc>, now: DateTime<Utc>, ttl: Duration) -> DateTime<Utc> {
    (now + ttl).min(created_at + MAX_LIFE)
}

/// Whether access tokens that were last issued at `last_used_at`, and are accepted for `life`, still are.
pub(crate) fn has_live_tokens(last_used_at: DateTime<Utc>, now: DateTime<Utc>, life: Duration) -> bool {
    last_used_at + life > now
}

/// Why a session ended; kept for whoever investigates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EndReason {
    /// Its owner signed out.
    Logout,
    /// Its owner ended it from another session.
    Revoked,
    /// A refresh token was used a second time.
    Reuse,
    /// The account was deactivated.
    Deactivated,
    /// The account had more sessions than [`MAX_PER_USER`].
    Limit,
}

impl EndReason {
    /// The word stored.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Logout => "logout",
            Self::Revoked => "revoked",
            Self::Reuse => "reuse",
            Self::Deactivated => "deactivated",
            Self::Limit => "limit",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn use_prolongs_a_session_up_to_its_absolute_life() {
        let at = |days| DateTime::from_timestamp(1_800_000_000, 0).unwrap() + Duration::days(days);
        let ttl = Duration::days(30);
        assert_eq!(expiry(at(0), at(0), ttl), at(30));
        assert_eq!(expiry(at(0), at(334), ttl), at(364));
        assert_eq!(expiry(at(0), at(350), ttl), at(365));
        assert!(expiry(at(0), at(366), ttl) < at(366));
    }

    #[test]
    fn only_a_session_used_lately_has_live_tokens() {
        let at = |minutes| DateTime::from_timestamp(1_800_000_000, 0).unwrap() + Duration::minutes(minutes);
        assert!(has_live_tokens(at(0), at(59), Duration::hours(1)));
        assert!(!has_live_tokens(at(0), at(60), Duration::hours(1)));
    }

    #[test]
    fn a_device_is_cut_and_cleaned() {
        let client = Client::new(Some(&format!("a\0b\n{}", "x".repeat(400))), None);
        let device = client.device.unwrap();
        assert!(device.starts_with("abx"));
        assert_eq!(device.chars().count(), MAX_DEVICE_LENGTH);
        assert_eq!(Client::new(Some("\n"), None).device, None);
    }
}
