//! A span of time as people write it.

use std::{fmt, str::FromStr, time::Duration};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A span of time in whole seconds, written in Go's notation: `720h`, `15m`, `1h30m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period(Duration);

/// The text is not a span of time.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not a span of time: write it like 90m or 720h")]
pub struct NotAPeriod(String);

impl Period {
    /// A period of so many seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// A period of so many hours.
    pub const fn hours(hours: u64) -> Self {
        Self::seconds(hours * 3600)
    }

    /// The period as a duration.
    pub const fn duration(self) -> Duration {
        self.0
    }

    /// The period in seconds.
    pub const fn as_secs(self) -> u64 {
        self.0.as_secs()
    }
}

impl FromStr for Period {
    type Err = NotAPeriod;

    fn from_str(text: &str) -> Result<Self, NotAPeriod> {
        let refused = || NotAPeriod(text.to_owned());
        let mut seconds = 0_u64;
        let mut rest = text;
        for (unit, length) in [('h', 3600), ('m', 60), ('s', 1)] {
            if let Some((count, after)) = rest.split_once(unit) {
                let count: u64 = count.parse().map_err(|_| refused())?;
                seconds = count
                    .checked_mul(length)
                    .and_then(|part| seconds.checked_add(part))
                    .ok_or_else(refused)?;
                rest = after;
            }
        }
        if text.is_empty() || !rest.is_empty() { Err(refused()) } else { Ok(Self::seconds(seconds)) }
    }
}

impl fmt::Display for Period {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.as_secs();
        match seconds {
            0 => formatter.write_str("0s"),
            _ if seconds.is_multiple_of(3600) => write!(formatter, "{}h", seconds / 3600),
            _ if seconds.is_multiple_of(60) => write!(formatter, "{}m", seconds / 60),
            _ => write!(formatter, "{seconds}s"),
        }
    }
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl JsonSchema for Period {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Period".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "maxLength": 16, "pattern": "^([0-9]+h)?([0-9]+m)?([0-9]+s)?$", "minLength": 2})
    }
}
