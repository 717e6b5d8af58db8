//! The two alternating logins of a service: a new password never meets a connection made with the old one.

use std::fmt;
use std::time::Duration;

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize, Serializer};

/// One of the two login roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Slot {
    /// `<service>_a`.
    A,
    /// `<service>_b`.
    B,
}

impl Slot {
    /// Both slots.
    pub const ALL: [Self; 2] = [Self::A, Self::B];

    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }

    /// The role of this slot for a service.
    pub fn role(self, service: &str) -> String {
        format!("{service}_{self}")
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::A => "a",
            Self::B => "b",
        })
    }
}

/// Which login a service uses; kept, as JSON, beside the URL in the service's Secret. `Debug` shows no password.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Logins {
    /// The slot in use.
    pub active: Slot,
    /// Its password.
    #[serde(serialize_with = "expose")]
    pub password: SecretString,
    /// Since when.
    pub since: Timestamp,
    /// Until when the other slot still works, for pods that have not read the new URL yet.
    #[serde(default)]
    pub previous_until: Option<Timestamp>,
}

/// What is due for a service's logins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Nothing before this time.
    Nothing {
        /// When to look again.
        until: Timestamp,
    },
    /// The other slot takes over.
    Rotate,
    /// The other slot's time is over; it is locked.
    Lock,
}

/// What is due now: the other login is locked before it is used again.
pub fn due(logins: &Logins, rotate_every: Duration, now: Timestamp) -> Due {
    let rotation = later(logins.since, rotate_every);
    match logins.previous_until {
        Some(until) if now >= until => Due::Lock,
        Some(until) => Due::Nothing { until },
        None if now >= rotation => Due::Rotate,
        None => Due::Nothing { until: rotation },
    }
}

impl Logins {
    /// The first login of a service.
    pub fn first(now: Timestamp) -> Result<Self, aws_lc_rs::error::Unspecified> {
        Ok(Self { active: Slot::A, password: new_password()?, since: now, previous_until: None })
    }

    /// The other slot with a new password; this one goes on for `overlap`.
    ///
    /// Apply it to PostgreSQL first and write it down after that. If the process ends in between, what is written down
    /// still works, and the rotation starts over with another password.
    pub fn rotated(&self, overlap: Duration, now: Timestamp) -> Result<Self, aws_lc_rs::error::Unspecified> {
        Ok(Self {
            active: self.active.other(),
            password: new_password()?,
            since: now,
            previous_until: Some(later(now, overlap)),
        })
    }

    /// The same login, the other slot locked.
    #[must_use]
    pub fn locked(&self) -> Self {
        Self { previous_until: None, ..self.clone() }
    }
}

/// 256 random bits in characters that need no quoting in a URL.
pub fn new_password() -> Result<SecretString, aws_lc_rs::error::Unspecified> {
    let mut bytes = [0_u8; 32];
    SystemRandom::new().fill(&mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes).into())
}

fn later(from: Timestamp, by: Duration) -> Timestamp {
    SignedDuration::try_from(by).ok().and_then(|by| from.checked_add(by).ok()).unwrap_or(Timestamp::MAX)
}

fn expose<S: Serializer>(secret: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose_secret())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    fn at(hours: i64) -> Timestamp {
        let start: Timestamp = "2026-02-17T10:30:00Z".parse().unwrap();
        start + SignedDuration::from_hours(hours)
    }

    #[test]
    fn logins_alternate_and_the_old_one_goes_on_for_a_while() {
        let first = Logins::first(at(0)).unwrap();
        assert_eq!(due(&first, HOUR * 720, at(719)), Due::Nothing { until: at(720) });
        assert_eq!(due(&first, HOUR * 720, at(720)), Due::Rotate);

        let second = first.rotated(HOUR, at(720)).unwrap();
        assert_eq!(second.active, Slot::B);
        assert_ne!(second.password.expose_secret(), first.password.expose_secret());
        assert_eq!(due(&second, HOUR * 720, at(720)), Due::Nothing { until: at(721) });
        assert_eq!(due(&second, HOUR * 720, at(721)), Due::Lock);
        let second = second.locked();
        assert_eq!(due(&second, HOUR * 720, at(722)), Due::Nothing { until: at(1440) });
        assert_eq!(second.rotated(HOUR, at(1440)).unwrap().active, Slot::A);
    }

    // Otherwise a rotation every few seconds would give the login in use a new password.
    #[test]
    fn a_slot_is_never_taken_while_pods_may_use_it() {
        let first = Logins::first(at(0)).unwrap();
        let second = first.rotated(HOUR * 2, at(1)).unwrap();
        assert_eq!(due(&second, HOUR, at(2)), Due::Nothing { until: at(3) });
    }

    #[test]
    fn the_state_survives_its_file_and_debug_shows_no_password() {
        let logins = Logins::first(at(0)).unwrap().rotated(HOUR, at(1)).unwrap();
        let text = serde_json::to_string(&logins).unwrap();
        let read: Logins = serde_json::from_str(&text).unwrap();
        assert_eq!(read.active, logins.active);
        assert_eq!(read.password.expose_secret(), logins.password.expose_secret());
        assert_eq!(read.previous_until, logins.previous_until);
        assert!(!format!("{logins:?}").contains(logins.password.expose_secret()));
    }
}
