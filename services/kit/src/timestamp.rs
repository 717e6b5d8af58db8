//! Points in time as the API and the events write them.

use chrono::{DateTime, Datelike, DurationRound, SecondsFormat, TimeDelta, Timelike, Utc};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};

use crate::clock::Clock;

/// A point in time, written in JSON as `2026-02-17T10:30:00.000Z` (milliseconds, UTC).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(DateTime<Utc>);

impl Timestamp {
    /// `time`, cut to whole milliseconds, so that what is stored equals what is shown.
    pub fn new(time: DateTime<Utc>) -> Self {
        Self(time.duration_trunc(TimeDelta::milliseconds(1)).unwrap_or(time))
    }

    /// `time` with all its digits; only whole milliseconds are written.
    pub(crate) fn of(time: DateTime<Utc>) -> Self {
        Self(time)
    }

    /// The current time by `clock`, in whole milliseconds.
    pub fn now(clock: &dyn Clock) -> Self {
        Self::new(clock.now())
    }

    /// The time itself.
    pub fn get(self) -> DateTime<Utc> {
        self.0
    }

    /// Passes on the text of the time; it takes no memory but for years of more than four digits.
    pub(crate) fn write<T>(self, out: impl FnOnce(&str) -> T) -> T {
        match digits(&self.0).as_ref().map(|text| std::str::from_utf8(text)) {
            Some(Ok(text)) => out(text),
            _ => out(&self.0.to_rfc3339_opts(SecondsFormat::Millis, true)),
        }
    }
}

/// `2026-02-17T10:30:00.000Z`, for the years 0 to 9999. A leap second is left to chrono.
fn digits(time: &DateTime<Utc>) -> Option<[u8; 24]> {
    let mut text = *b"0000-00-00T00:00:00.000Z";
    let year = u32::try_from(time.year()).ok().filter(|year| *year <= 9999)?;
    let milliseconds = Some(time.timestamp_subsec_millis()).filter(|milliseconds| *milliseconds < 1000)?;
    let parts = [
        (0, 4, year),
        (5, 2, time.month()),
        (8, 2, time.day()),
        (11, 2, time.hour()),
        (14, 2, time.minute()),
        (17, 2, time.second()),
        (20, 3, milliseconds),
    ];
    for (start, length, mut value) in parts {
        for digit in text[start..start + length].iter_mut().rev() {
            *digit += u8::try_from(value % 10).unwrap_or_default();
            value /= 10;
        }
    }
    Some(text)
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
        self.write(|text| f.write_str(text))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.write(|text| serializer.serialize_str(text))
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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

    #[test]
    fn times_that_do_not_fit_four_digits_are_written_as_chrono_does() {
        for time in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC, DateTime::UNIX_EPOCH] {
            assert_eq!(Timestamp(time).to_string(), time.to_rfc3339_opts(SecondsFormat::Millis, true));
        }
        let leap: DateTime<Utc> = "2016-12-31T23:59:60.5Z".parse().unwrap();
        assert_eq!(Timestamp(leap).to_string(), "2016-12-31T23:59:60.500Z");
    }

    proptest! {
        #[test]
        fn every_time_is_written_as_chrono_does(milliseconds in -99_999_999_999_999_i64..=999_999_999_999_999) {
            let time = DateTime::from_timestamp_millis(milliseconds).unwrap();
            let text = time.to_rfc3339_opts(SecondsFormat::Millis, true);
            prop_assert_eq!(Timestamp::new(time).to_string(), &*text);
            prop_assert_eq!(serde_json::to_string(&Timestamp::new(time)).unwrap(), format!("\"{text}\""));
        }
    }
}
