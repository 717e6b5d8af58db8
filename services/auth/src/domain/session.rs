//! Sessions: what one sign-in starts and a logout ends. A session is also the family of its refresh tokens.

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// Longest description of a device that is kept, in characters.
const MAX_DEVICE_LENGTH: usize = 255;

/// Where a request came from, as far as it can be told; shown to the account's owner only.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Client {
    /// `User-Agent` of the client.
    pub device: Option<String>,
    /// Address of the client.
    pub ip: Option<String>,
}

impl Client {
    /// Describes a client; the device's description is cut and cleaned, because anybody may send anything.
    pub fn new(device: Option<&str>, ip: Option<std::net::IpAddr>) -> Self {
        let device = device
            .map(|text| text.chars().filter(|c| !c.is_control()).take(MAX_DEVICE_LENGTH).collect::<String>())
            .filter(|text| !text.is_empty());
        Self { device, ip: ip.map(|ip| ip.to_string()) }
    }
}

/// A session as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Identifier; `sid` of its access tokens.
    pub id: Uuid,
    /// Client that signed in, or that last refreshed.
    pub client: Client,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When its tokens were last issued.
    pub last_used_at: DateTime<Utc>,
    /// When its newest refresh token expires.
    pub expires_at: DateTime<Utc>,
}

/// Why a session ended; kept for whoever investigates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    /// Its owner signed out.
    Logout,
    /// Its owner ended it from another session.
    Revoked,
    /// A refresh token was used a second time.
    Reuse,
    /// The account was deactivated.
    Deactivated,
}

impl EndReason {
    /// The word stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Logout => "logout",
            Self::Revoked => "revoked",
            Self::Reuse => "reuse",
            Self::Deactivated => "deactivated",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_cut_and_cleaned() {
        let client = Client::new(Some(&format!("a\0b\n{}", "x".repeat(400))), None);
        let device = client.device.unwrap();
        assert!(device.starts_with("abx"));
        assert_eq!(device.chars().count(), MAX_DEVICE_LENGTH);
        assert_eq!(Client::new(Some("\n"), None).device, None);
    }
}
