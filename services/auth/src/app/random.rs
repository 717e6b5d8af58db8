//! The one place where randomness is drawn.

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// An identifier (UUIDv7) of something that begins at `now`.
pub(super) fn id(now: DateTime<Utc>) -> Uuid {
    let millis = u64::try_from(now.timestamp_millis()).unwrap_or_default();
    uuid::Builder::from_unix_timestamp_millis(millis, &bytes()).into_uuid()
}

/// Bytes that nobody can guess.
pub(super) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::fill(&mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_holds_its_time_and_is_no_other() {
        let now = DateTime::from_timestamp_millis(1_800_000_000_123).unwrap();
        let (one, other) = (id(now), id(now));
        assert_ne!(one, other);
        assert_eq!(one.get_version_num(), 7);
        let (seconds, nanos) = one.get_timestamp().unwrap().to_unix();
        assert_eq!((seconds, nanos), (1_800_000_000, 123_000_000));
    }
}
