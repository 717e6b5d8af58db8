//! How a list of orders is filtered and sorted.

use kit::paging::{Direction, Kind, List, Position, Value};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Number, Status, Summary};

/// Which orders a list holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    /// Only this customer's.
    pub(crate) user_id: Option<Uuid>,
    /// Only those in this state.
    pub(crate) status: Option<Status>,
    /// Only the one with this number.
    pub(crate) number: Option<Number>,
}

/// What a list is sorted by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SortBy {
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

impl SortBy {
    const fn kind(self) -> Kind {
        match self {
            Self::CreatedAt | Self::UpdatedAt => Kind::Time,
            Self::TotalAmount => Kind::Number,
            Self::Status => Kind::Text,
        }
    }

    /// The list of orders with this order and filter.
    pub(crate) fn list(self, direction: Direction, filter: Filter) -> List {
        let narrowed = (filter.status, filter.number.map(|number| number.to_string()));
        List::new("orders", &self, self.kind(), direction, &narrowed)
    }

    /// Where `row` stands in such a list.
    pub(crate) fn position(self, row: &Summary) -> Position {
        let value = match self {
            Self::CreatedAt => Value::Time(row.created_at),
            Self::UpdatedAt => Value::Time(row.updated_at),
            Self::TotalAmount => Value::Number(row.total_minor),
            Self::Status => Value::Text(row.status.as_str().to_owned()),
        };
        Position { value, id: row.id }
    }
}

#[cfg(test)]
mod tests {
    use chrono::{TimeZone as _, Utc};

    use super::*;

    fn row() -> Summary {
        Summary {
            id: Uuid::from_u128(7),
            number: Number::drawn(7),
            user_id: Uuid::from_u128(8),
            status: Status::Pending,
            total_minor: 11_297,
            currency: kit::money::Currency::USD,
            created_at: Utc.timestamp_opt(1_771_326_000, 0).unwrap(),
            updated_at: Utc.timestamp_opt(1_771_326_001, 0).unwrap(),
        }
    }

    #[test]
    fn a_rows_position_belongs_to_its_own_list_only() {
        let sorts = [SortBy::CreatedAt, SortBy::UpdatedAt, SortBy::TotalAmount, SortBy::Status];
        let pending = Filter { status: Some(Status::Pending), ..Filter::default() };
        for sort_by in sorts {
            let position = sort_by.position(&row());
            let cursor = sort_by.list(Direction::Desc, pending).cursor(&position);
            for other in sorts {
                let read = other.list(Direction::Desc, pending).position(&cursor);
                assert_eq!(read.ok(), (other == sort_by).then(|| position.clone()));
            }
            assert!(sort_by.list(Direction::Asc, pending).position(&cursor).is_err());
            assert!(sort_by.list(Direction::Desc, Filter::default()).position(&cursor).is_err());
        }
    }
}
