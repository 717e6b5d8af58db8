//! How a list of orders is filtered, sorted and continued.

use std::str::FromStr;

use chrono::{DateTime, Datelike as _, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Status, Summary};

/// Which orders a list holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    /// Only this customer's.
    pub(crate) user_id: Option<Uuid>,
    /// Only those in this state.
    pub(crate) status: Option<Status>,
}

/// What a list is sorted by; ties are sorted by id, in the same direction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SortKey {
    /// When the order was placed.
    #[default]
    CreatedAt,
    /// When the order last changed.
    UpdatedAt,
    /// The total in minor units; across currencies it compares numbers only.
    TotalAmount,
    /// The state's name.
    Status,
}

/// Direction of a sort.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Direction {
    /// Smallest first.
    Asc,
    /// Largest first.
    #[default]
    Desc,
}

/// The last row of a page: the next page begins after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Position {
    /// What the list is sorted by, and that value in the row.
    pub(crate) value: Value,
    /// Direction of the list.
    pub(crate) direction: Direction,
    /// Filter of the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<Status>,
    /// The row's id.
    pub(crate) id: Uuid,
}

/// A row's value in the column that the list is sorted by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Value {
    /// See [`SortKey::CreatedAt`].
    CreatedAt(DateTime<Utc>),
    /// See [`SortKey::UpdatedAt`].
    UpdatedAt(DateTime<Utc>),
    /// See [`SortKey::TotalAmount`].
    TotalAmount(i64),
    /// See [`SortKey::Status`].
    Status(Status),
}

impl Position {
    /// The position just after `row` in a list sorted by `key`.
    pub(crate) fn after(row: &Summary, key: SortKey, direction: Direction, filter: Filter) -> Self {
        let value = match key {
            SortKey::CreatedAt => Value::CreatedAt(row.created_at),
            SortKey::UpdatedAt => Value::UpdatedAt(row.updated_at),
            SortKey::TotalAmount => Value::TotalAmount(row.total_minor),
            SortKey::Status => Value::Status(row.status),
        };
        Self { value, direction, status: filter.status, id: row.id }
    }

    /// Whether the position belongs to a list with this order and filter. A time that no order can have,
    /// which only a forged position holds, belongs to none.
    pub(crate) fn belongs_to(&self, key: SortKey, direction: Direction, filter: Filter) -> bool {
        self.value.key() == key
            && self.direction == direction
            && self.status == filter.status
            && self.value.is_possible()
    }
}

impl Value {
    /// Whether an order can have this value; PostgreSQL refuses times that chrono can hold.
    fn is_possible(&self) -> bool {
        match self {
            Self::CreatedAt(at) | Self::UpdatedAt(at) => (1970..=9999).contains(&at.year()),
            Self::TotalAmount(_) | Self::Status(_) => true,
        }
    }

    /// What the list is sorted by.
    pub(crate) const fn key(&self) -> SortKey {
        match self {
            Self::CreatedAt(_) => SortKey::CreatedAt,
            Self::UpdatedAt(_) => SortKey::UpdatedAt,
            Self::TotalAmount(_) => SortKey::TotalAmount,
            Self::Status(_) => SortKey::Status,
        }
    }
}

impl FromStr for SortKey {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, &'static str> {
        match name {
            "created_at" => Ok(Self::CreatedAt),
            "updated_at" => Ok(Self::UpdatedAt),
            "total_amount" => Ok(Self::TotalAmount),
            "status" => Ok(Self::Status),
            _ => Err("must be one of created_at, updated_at, total_amount, status"),
        }
    }
}

impl FromStr for Direction {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, &'static str> {
        match name {
            "asc" => Ok(Self::Asc),
            "desc" => Ok(Self::Desc),
            _ => Err("must be asc or desc"),
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone as _;
    use proptest::prelude::*;

    use super::*;

    fn row() -> Summary {
        Summary {
            id: Uuid::from_u128(7),
            status: Status::Pending,
            total_minor: 11_297,
            currency: kit::money::Currency::USD,
            created_at: Utc.timestamp_opt(1_771_326_000, 0).unwrap(),
            updated_at: Utc.timestamp_opt(1_771_326_001, 0).unwrap(),
        }
    }

    const KEYS: [(SortKey, &str); 4] = [
        (SortKey::CreatedAt, "created_at"),
        (SortKey::UpdatedAt, "updated_at"),
        (SortKey::TotalAmount, "total_amount"),
        (SortKey::Status, "status"),
    ];

    #[test]
    fn sort_keys_and_directions_have_names() {
        for (key, name) in KEYS {
            assert_eq!(name.parse(), Ok(key));
        }
        assert!("id".parse::<SortKey>().is_err());
        assert_eq!("asc".parse(), Ok(Direction::Asc));
        assert_eq!("desc".parse(), Ok(Direction::Desc));
        assert!("DESC".parse::<Direction>().is_err());
    }

    #[test]
    fn a_position_survives_its_json_and_belongs_to_its_list_only() {
        let pending = Filter { user_id: None, status: Some(Status::Pending) };
        for (key, _) in KEYS {
            let position = Position::after(&row(), key, Direction::Desc, pending);
            let json = serde_json::to_string(&position).unwrap();
            assert_eq!(serde_json::from_str::<Position>(&json).unwrap(), position);
            for (other, _) in KEYS {
                assert_eq!(position.belongs_to(other, Direction::Desc, pending), other == key);
            }
            assert!(!position.belongs_to(key, Direction::Asc, pending));
            assert!(!position.belongs_to(key, Direction::Desc, Filter::default()));
        }
    }

    fn value() -> impl Strategy<Value = Value> {
        let time = (0_i64..253_402_300_800_000)
            .prop_map(|milliseconds| Utc.timestamp_millis_opt(milliseconds).unwrap());
        prop_oneof![
            time.clone().prop_map(Value::CreatedAt),
            time.prop_map(Value::UpdatedAt),
            any::<i64>().prop_map(Value::TotalAmount),
            prop::sample::select(Status::ALL.to_vec()).prop_map(Value::Status),
        ]
    }

    proptest! {
        #[test]
        fn any_position_survives_its_cursor(
            value in value(),
            ascending: bool,
            status in prop::option::of(prop::sample::select(Status::ALL.to_vec())),
            id: u128,
        ) {
            let direction = if ascending { Direction::Asc } else { Direction::Desc };
            let position = Position { value, direction, status, id: Uuid::from_u128(id) };
            let cursor = kit::paging::encode_cursor(&position);
            let read: Position = kit::paging::decode_cursor(&cursor).unwrap();
            let filter = Filter { user_id: None, status };
            let belongs = read.belongs_to(position.value.key(), direction, filter);
            prop_assert!(belongs);
            prop_assert_eq!(read, position);
        }
    }
}
