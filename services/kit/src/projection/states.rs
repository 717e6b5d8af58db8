//! What owners tell of their aggregates: what their events tell, as it stands now. No name, street or address of mail
//! stands in it; whoever needs those asks for the one that it needs.

use serde::{Deserialize, Serialize};
use topology::Aggregate;
use utoipa::{PartialSchema, ToSchema};
use uuid::Uuid;

use crate::events::Destination;
use crate::money::{Amount, Currency};
use crate::timestamp::Timestamp;

/// An order as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderState {
    /// Who placed it.
    pub user_id: Uuid,
    /// Its status.
    pub status: String,
    /// Sum of all lines.
    pub total_amount: Amount,
    /// Currency of the sum.
    pub currency: Currency,
    /// Number of lines.
    pub items_count: u32,
    /// Where it goes.
    pub shipping_address: Destination,
    /// When it was placed.
    pub created_at: Timestamp,
    /// When it was confirmed.
    pub confirmed_at: Option<Timestamp>,
    /// When it left.
    pub shipped_at: Option<Timestamp>,
    /// When it arrived.
    pub delivered_at: Option<Timestamp>,
    /// When it was cancelled.
    pub cancelled_at: Option<Timestamp>,
}

/// An account as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UserState {
    /// `customer`, `vendor` or `admin`.
    pub role: String,
    /// Whether the user may sign in.
    pub is_active: bool,
    /// When the user registered.
    pub registered_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// The schema of the state of each kind of aggregate.
fn schema(of: Aggregate) -> Option<serde_json::Value> {
    let schema = match of {
        topology::ORDERS => OrderState::schema(),
        topology::USERS => UserState::schema(),
        _ => return None,
    };
    serde_json::to_value(schema).ok()
}

/// All snapshots as a section of the page for people: a table in Markdown.
pub fn page() -> String {
    let rows: String = topology::AGGREGATES.iter().copied().filter_map(row).collect();
    format!(
        "\n## Snapshots\n\n\
         Streams keep events for days. A service that begins to keep a projection reads the owner's snapshot, with the token\n\
         that it has for the owner: `GET /internal/<aggregates>?cursor=&limit=` answers `{{\"data\": [{{\"id\", \"sequence\",\n\
         \"state\"}}], \"next_cursor\"}}` in the order of ids, and `GET /internal/<aggregates>/{{id}}` one of `data`. `sequence` is that of\n\
         the headers: whatever is newer wins, event or snapshot. The gateway leads to none of this.\n\n\
         | aggregates | path | owner | read by | state |\n|---|---|---|---|---|\n{rows}"
    )
}

fn row(of: Aggregate) -> Option<String> {
    let schema = schema(of)?;
    let members: Vec<String> =
        schema["properties"].as_object()?.keys().map(|name| format!("`{name}`")).collect();
    let readers: Vec<&str> = of.readers().map(|reader| reader.name).collect();
    let Aggregate { name, owner, path } = of;
    Some(format!("| {name} | `{path}` | {owner} | {} | {} |\n", readers.join(", "), members.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_snapshot_is_on_the_page() {
        let page = page();
        for aggregate in topology::AGGREGATES {
            assert!(page.contains(aggregate.path), "{}", aggregate.name);
        }
    }

    #[test]
    fn no_snapshot_carries_what_the_receiver_can_ask_for_or_nobody_may_know() {
        for aggregate in topology::AGGREGATES {
            let text = schema(*aggregate).unwrap()["properties"].to_string();
            for secret in ["email", "name", "phone", "token", "password", "street", "zip_code", "notes"] {
                assert!(!text.contains(&format!("\"{secret}")), "{} carry {secret}", aggregate.name);
            }
        }
    }
}
