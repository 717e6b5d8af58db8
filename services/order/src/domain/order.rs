//! The order itself.

use chrono::{DateTime, Utc};
use kit::money::Currency;
use kit::validation::{FieldErrors, text};
use uuid::Uuid;

use super::{Address, AddressDraft, Lifecycle, Line, LineDraft, Number, Status, line};

/// Most characters of the customer's notes (docs/api.md, *The body of an order*).
const MAX_NOTES: usize = 500;

/// An order as received, before any check.
#[derive(Debug, Clone)]
pub(crate) struct OrderDraft {
    /// What is bought.
    pub(crate) lines: Vec<LineDraft>,
    /// Where it goes.
    pub(crate) shipping_address: AddressDraft,
    /// ISO 4217 code; `None` is USD.
    pub(crate) currency: Option<String>,
    /// Customer's notes.
    pub(crate) notes: Option<String>,
}

/// An order that keeps the rules and was not stored yet.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NewOrder {
    /// What is bought; never empty.
    pub(crate) lines: Vec<Line>,
    /// Where it goes.
    pub(crate) shipping_address: Address,
    /// Sum of the lines, in the currency's minor units.
    pub(crate) total_minor: i64,
    /// Currency of every amount.
    pub(crate) currency: Currency,
    /// Customer's notes.
    pub(crate) notes: Option<String>,
}

/// A stored order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Order {
    /// UUIDv7.
    pub(crate) id: Uuid,
    /// By which people speak of it.
    pub(crate) number: Number,
    /// The customer.
    pub(crate) user_id: Uuid,
    /// Counts its changes from 1.
    pub(crate) version: i64,
    /// Where it stands.
    pub(crate) lifecycle: Lifecycle,
    /// What is bought.
    pub(crate) lines: Vec<Line>,
    /// Where it goes.
    pub(crate) shipping_address: Address,
    /// Sum of the lines, in the currency's minor units.
    pub(crate) total_minor: i64,
    /// Currency of every amount.
    pub(crate) currency: Currency,
    /// Customer's notes.
    pub(crate) notes: Option<String>,
    /// When it was placed.
    pub(crate) created_at: DateTime<Utc>,
    /// When it last changed.
    pub(crate) updated_at: DateTime<Utc>,
}

/// An order in a list.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Summary {
    /// UUIDv7.
    pub(crate) id: Uuid,
    /// By which people speak of it.
    pub(crate) number: Number,
    /// The customer.
    pub(crate) user_id: Uuid,
    /// Current state.
    pub(crate) status: Status,
    /// In the currency's minor units.
    pub(crate) total_minor: i64,
    /// Currency of the total.
    pub(crate) currency: Currency,
    /// When it was placed.
    pub(crate) created_at: DateTime<Utc>,
    /// When it last changed.
    pub(crate) updated_at: DateTime<Utc>,
}

/// One change of an order's state.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct HistoryEntry {
    /// State before; `None` for the order's creation.
    pub(crate) from: Option<Status>,
    /// State after.
    pub(crate) to: Status,
    /// Kind of actor: `customer`, `admin`, `service`.
    pub(crate) actor_kind: String,
    /// When it happened.
    pub(crate) at: DateTime<Utc>,
}

/// What to do with a field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Change<T> {
    /// Leave it as it is.
    #[default]
    Keep,
    /// Put this there.
    Set(T),
}

/// What a customer may change while the order is pending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Amendment {
    shipping_address: Option<Address>,
    notes: Change<Option<String>>,
}

impl OrderDraft {
    /// Checks every rule and computes the amounts; reports all errors at once.
    pub(crate) fn check(self) -> Result<NewOrder, FieldErrors> {
        let mut errors = FieldErrors::new();
        let currency = errors.keep(check_currency(self.currency.as_deref()));
        let lines = currency.and_then(|currency| errors.keep(line::check_all(self.lines, currency)));
        let shipping_address = errors.keep(self.shipping_address.check("shipping_address"));
        if let Some(notes) = &self.notes {
            text::check_paragraph("notes", notes, MAX_NOTES, &mut errors);
        }
        errors.unless_any(|| {
            let (lines, total_minor) = lines?;
            let (shipping_address, currency) = (shipping_address?, currency?);
            Some(NewOrder { lines, shipping_address, total_minor, currency, notes: self.notes })
        })
    }
}

impl NewOrder {
    /// The order as it is placed: pending.
    pub(crate) fn place(self, id: Uuid, number: Number, user_id: Uuid, now: DateTime<Utc>) -> Order {
        Order {
            id,
            number,
            user_id,
            version: 1,
            lifecycle: Lifecycle::pending(),
            lines: self.lines,
            shipping_address: self.shipping_address,
            total_minor: self.total_minor,
            currency: self.currency,
            notes: self.notes,
            created_at: now,
            updated_at: now,
        }
    }
}

impl Amendment {
    /// Checks the new address and notes; an amendment that changes nothing is refused.
    pub(crate) fn check(
        shipping_address: Option<AddressDraft>,
        notes: Change<Option<String>>,
    ) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::new();
        if shipping_address.is_none() && notes == Change::Keep {
            errors.add("shipping_address", "required", "give shipping_address, notes or both");
        }
        let shipping_address =
            shipping_address.and_then(|draft| errors.keep(draft.check("shipping_address")));
        if let Change::Set(Some(notes)) = &notes {
            text::check_paragraph("notes", notes, MAX_NOTES, &mut errors);
        }
        errors.unless_any(|| Some(Self { shipping_address, notes }))
    }

    /// The order as amended at `now`; `None` when it is no longer pending.
    pub(crate) fn apply(self, order: &Order, now: DateTime<Utc>) -> Option<Order> {
        if order.lifecycle.status != Status::Pending {
            return None;
        }
        Some(Order {
            shipping_address: self.shipping_address.unwrap_or_else(|| order.shipping_address.clone()),
            notes: match self.notes {
                Change::Keep => order.notes.clone(),
                Change::Set(notes) => notes,
            },
            updated_at: now,
            version: order.version + 1,
            ..order.clone()
        })
    }
}

fn check_currency(code: Option<&str>) -> Result<Currency, FieldErrors> {
    code.map_or(Ok(Currency::USD), str::parse)
        .map_err(|_| FieldErrors::one("currency", "unknown_currency", "must be an ISO 4217 code such as USD"))
}
