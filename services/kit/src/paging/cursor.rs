//! Cursors: a position in a list, as an opaque text.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Datelike as _};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{Direction, Kind, List, Position, Value};
use crate::problem::Problem;
use crate::validation::FieldErrors;

/// Maximum length of a text that a list is sorted by, in characters.
const MAX_TEXT: usize = 200;

impl List {
    /// The list `name`, sorted by `sort_by`, which is of `kind`, and narrowed to `filter`. Leave out of the filter whose
    /// list it is: a cursor names a place, never a person.
    pub fn new(
        name: &str,
        sort_by: &impl Serialize,
        kind: Kind,
        direction: Direction,
        filter: &impl Serialize,
    ) -> Self {
        // Only told apart, not protected: whoever forges a cursor gets a page of a list that they may see anyway.
        let text = serde_json::to_vec(&(name, sort_by, direction, filter)).unwrap_or_default();
        let tag = Sha256::digest(&text).iter().take(8).fold(0, |tag, byte| tag << 8 | u64::from(*byte));
        Self { kind, tag }
    }

    /// The list `name`, sorted by a time, newest first.
    pub fn newest_first(name: &str, filter: &impl Serialize) -> Self {
        Self::new(name, &"newest", Kind::Time, Direction::Desc, filter)
    }

    /// The cursor that continues after `position`.
    pub fn cursor(&self, position: &Position) -> String {
        match &position.value {
            Value::Time(time) => encode_cursor(&(self.tag, time.timestamp_micros(), position.id)),
            Value::Number(number) => encode_cursor(&(self.tag, number, position.id)),
            Value::Text(text) => encode_cursor(&(self.tag, text, position.id)),
        }
    }

    /// The position of a cursor. One of another list is refused, and so is one that nobody was given: PostgreSQL does
    /// not know every value that a forged one can spell.
    pub fn position(&self, cursor: &str) -> Result<Position, FieldErrors> {
        self.read(cursor).ok_or_else(|| FieldErrors::one("cursor", "invalid", "is not a cursor of this list"))
    }

    fn read(&self, cursor: &str) -> Option<Position> {
        let json = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (tag, value, id): (u64, &RawValue, Uuid) = serde_json::from_slice(&json).ok()?;
        let value = match self.kind {
            Kind::Time => DateTime::from_timestamp_micros(number(value)?)
                .filter(|time| (1970..10_000).contains(&time.year()))
                .map(Value::Time),
            Kind::Number => number(value).map(Value::Number),
            Kind::Text => serde_json::from_str(value.get())
                .ok()
                .filter(|text: &String| text.chars().count() <= MAX_TEXT && !text.contains('\0'))
                .map(Value::Text),
        }?;
        (tag == self.tag).then_some(Position { value, id })
    }
}

fn number(value: &RawValue) -> Option<i64> {
    serde_json::from_str(value.get()).ok()
}

/// Writes a keyset position as an opaque cursor.
pub fn encode_cursor<T: Serialize>(position: &T) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(position).unwrap_or_default())
}

/// Reads a cursor; anything that [`encode_cursor`] did not write for a `T` is refused with 400.
pub fn decode_cursor<T: DeserializeOwned>(cursor: &str) -> Result<T, Problem> {
    URL_SAFE_NO_PAD
        .decode(cursor)
        .ok()
        .and_then(|json| serde_json::from_slice(&json).ok())
        .ok_or_else(|| Problem::field("cursor", "invalid", "is not a cursor of this list"))
}

#[cfg(test)]
mod tests {
    use chrono::{TimeZone as _, Utc};
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const KINDS: [Kind; 3] = [Kind::Time, Kind::Number, Kind::Text];

    fn list(kind: Kind) -> List {
        List::new("orders", &"created_at", kind, Direction::Desc, &json!({"status": "pending"}))
    }

    fn position(kind: Kind) -> Position {
        let value = match kind {
            Kind::Time => Value::Time(Utc.timestamp_micros(1_771_326_000_000_001).unwrap()),
            Kind::Number => Value::Number(i64::MIN),
            Kind::Text => Value::Text("pending".to_owned()),
        };
        Position { value, id: Uuid::from_u128(7) }
    }

    /// What PostgreSQL has a value for, and a list can hold.
    fn is_storable(value: &Value) -> bool {
        match value {
            Value::Time(time) => (1970..10_000).contains(&time.year()),
            Value::Number(_) => true,
            Value::Text(text) => !text.contains('\0'),
        }
    }

    #[test]
    fn a_cursor_serves_its_own_list_only() {
        let others = [
            List::new("users", &"created_at", Kind::Number, Direction::Desc, &json!({"status": "pending"})),
            List::new("orders", &"total", Kind::Number, Direction::Desc, &json!({"status": "pending"})),
            List::new("orders", &"created_at", Kind::Number, Direction::Asc, &json!({"status": "pending"})),
            List::new("orders", &"created_at", Kind::Number, Direction::Desc, &json!({"status": null})),
        ];
        let cursor = list(Kind::Number).cursor(&position(Kind::Number));
        assert_eq!(list(Kind::Number).position(&cursor), Ok(position(Kind::Number)));
        for other in others {
            assert!(other.position(&cursor).is_err());
        }
    }

    #[test]
    fn what_no_row_can_hold_is_refused() {
        let year_10000 = 253_402_300_800_000_000_i64;
        for (kind, value) in [
            (Kind::Time, json!(-1)),
            (Kind::Time, json!(-211_866_076_800_000_001_i64)),
            (Kind::Time, json!(year_10000)),
            (Kind::Time, json!(i64::MIN)),
            (Kind::Time, json!(i64::MAX)),
            (Kind::Time, json!("2026-02-17T10:30:00Z")),
            (Kind::Number, json!(1.5)),
            (Kind::Number, json!(u64::MAX)),
            (Kind::Number, json!("1")),
            (Kind::Number, json!(null)),
            (Kind::Text, json!("a\0")),
            (Kind::Text, json!("x".repeat(201))),
            (Kind::Text, json!(1)),
        ] {
            let list = list(kind);
            let cursor = encode_cursor(&json!([list.tag, value, Uuid::nil()]));
            assert!(list.position(&cursor).is_err(), "{kind:?} {value}");
        }
        let list = list(Kind::Number);
        for text in ["[TAG,NaN,ID]", "[TAG,1e400,ID]", "[TAG,-Infinity,ID]", "[TAG,01,ID]"] {
            let text = text
                .replace("TAG", &list.tag.to_string())
                .replace("ID", "\"00000000-0000-0000-0000-000000000000\"");
            assert!(list.position(&URL_SAFE_NO_PAD.encode(&text)).is_err(), "{text}");
        }
    }

    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(json!(null)),
            any::<bool>().prop_map(|value| json!(value)),
            any::<i64>().prop_map(|value| json!(value)),
            any::<u64>().prop_map(|value| json!(value)),
            any::<f64>().prop_map(|value| json!(value)),
            ".*".prop_map(|value| json!(value)),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop::collection::vec(inner, 0..4).prop_map(|values| json!(values))
        })
    }

    proptest! {
        #[test]
        fn positions_round_trip(micros in 0_i64..253_402_300_800_000_000, number: i64, text in "[^\0]{0,200}", id: u128) {
            let id = Uuid::from_u128(id);
            for (kind, value) in [
                (Kind::Time, Value::Time(Utc.timestamp_micros(micros).unwrap())),
                (Kind::Number, Value::Number(number)),
                (Kind::Text, Value::Text(text)),
            ] {
                let position = Position { value, id };
                prop_assert_eq!(list(kind).position(&list(kind).cursor(&position)), Ok(position));
            }
        }

        #[test]
        fn whatever_a_forged_cursor_holds_it_is_refused_or_storable(value in json(), id: u128, whole: bool) {
            for kind in KINDS {
                let list = list(kind);
                let forged = if whole { value.clone() } else { json!([list.tag, value, Uuid::from_u128(id)]) };
                if let Ok(position) = list.position(&encode_cursor(&forged)) {
                    prop_assert!(is_storable(&position.value), "{:?}", position);
                }
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text: String, bytes: Vec<u8>) {
            for kind in KINDS {
                prop_assert!(list(kind).position(&text).is_err());
                prop_assert!(list(kind).position(&URL_SAFE_NO_PAD.encode(&bytes)).is_err());
            }
        }
    }
}
