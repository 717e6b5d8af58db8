//! Points in time as the API and the events write them.

use chrono::{DateTime, DurationRound, SecondsFormat, TimeDelta, Utc};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};

use crate::clock::Clock;

/// A point in time, written in JSON as `2026-02-17T10:30:00.000Z` (milliseconds, UTC).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, sqlx::Type)]
#[sqlx(transparent)]
pub struct Timestamp(DateTime<Utc>);

impl Timestamp {
    /// `time`, cut to whole milliseconds, so that what is stored equals what is shown.
    pub fn new(time: DateTime<Utc>) -> Self {
        Self(time.duration_trunc(TimeDelta::milliseconds(1)).unwrap_or(time))
    }

    /// The current time by `clock`, in whole milliseconds.
    pub fn now(clock: &dyn Clock) -> Self {
        Self::new(clock.now())
    }

    /// The time itself.
    pub fn get(self) -> DateTime<Utc> {
        self.0
    }
}

impl From<DateTime<Utc>> for Timestamp {
    fn from(time: DateTime<Utc>) -> Self {
        Self::new(time)
    }
}

impl From<Timestamp> for DateTime<Utc> {
    fn from(timestamp: Timestamp) -> Self {
        timestamp.0
    }
}

impl std::fmt::Display for Timestamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let time = DateTime::<Utc>::deserialize(deserializer);
        time.map(Self::new).map_err(|_| D::Error::custom("must be a time such as 2026-02-17T10:30:00.000Z"))
    }
}

impl utoipa::PartialSchema for Timestamp {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .description(Some("UTC, milliseconds, such as 2026-02-17T10:30:00.000Z"))
            .into()
    }
}

impl utoipa::ToSchema for Timestamp {}

/// For `#[serde(with = "kit::timestamp::millis")]` on a `DateTime<Utc>`.
pub mod millis {
    use super::{DateTime, Deserialize, Deserializer, Serialize, Serializer, Timestamp, Utc};

    /// Writes `2026-02-17T10:30:00.000Z`.
    pub fn serialize<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
        Timestamp::new(*time).serialize(serializer)
    }

    /// Reads any RFC 3339 time.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTime<Utc>, D::Error> {
        Timestamp::deserialize(deserializer).map(Timestamp::get)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_and_z_are_always_written() {
        let time: Timestamp = serde_json::from_str("\"2026-02-17T12:30:00+02:00\"").unwrap();
        assert_eq!(serde_json::to_string(&time).unwrap(), "\"2026-02-17T10:30:00.000Z\"");
    }

    #[test]
    fn finer_than_milliseconds_is_cut() {
        let time: Timestamp = serde_json::from_str("\"2026-02-17T10:30:00.123999Z\"").unwrap();
        assert_eq!(time.to_string(), "2026-02-17T10:30:00.123Z");
        assert_eq!(time.get().timestamp_subsec_micros(), 123_000);
    }
}
