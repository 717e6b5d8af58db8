//! Which dead letters a request means, and why they need no redrive.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::dead_letters::Status;
use crate::dead_letters::store::Filter;
use crate::paging::List;
use crate::timestamp::Timestamp;
use crate::validation::FieldErrors;

/// Maximum length of a reason, in characters.
const MAX_REASON: usize = 500;

/// What a list is narrowed to.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FilterQuery {
    /// Only those that stand so.
    #[param(inline)]
    status: Option<Status>,
    /// Only those of this durable consumer, such as `notification-orders`.
    consumer: Option<String>,
    /// Only events of this subject, such as `order.created`.
    subject: Option<String>,
    /// Only those that were given up for exactly this cause.
    cause: Option<String>,
}

impl FilterQuery {
    /// The list of these dead letters. Its cursors serve every service: each lists its own in the same order.
    pub fn list(&self) -> List {
        List::newest_first("dead letters", &(self.status, &self.consumer, &self.subject, &self.cause))
    }
}

impl From<FilterQuery> for Filter {
    fn from(query: FilterQuery) -> Self {
        let FilterQuery { status, consumer, subject, cause } = query;
        Self { status, consumer, subject, cause, before: None }
    }
}

/// Which dead letters are meant: all that wait, or fewer.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = DeadLetterSelection)]
pub struct Selection {
    /// Only those of this durable consumer.
    consumer: Option<String>,
    /// Only events of this subject.
    subject: Option<String>,
    /// Only those that were given up for exactly this cause.
    cause: Option<String>,
    /// Only those that were given up before this time.
    before: Option<Timestamp>,
}

impl From<Selection> for Filter {
    fn from(selection: Selection) -> Self {
        let Selection { consumer, subject, cause, before } = selection;
        Self { status: Some(Status::Dead), consumer, subject, cause, before: before.map(Timestamp::get) }
    }
}

/// Why a dead letter needs no redrive.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DeadLetterDiscard)]
pub(super) struct Discard {
    /// 1 to 500 characters.
    reason: String,
}

impl Discard {
    /// The reason, if it is one.
    pub(super) fn checked(&self) -> Result<String, FieldErrors> {
        reason(&self.reason)
    }
}

/// Which dead letters need no redrive, all that wait or fewer, and why.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DeadLetterDiscardSelection)]
pub struct DiscardSelection {
    /// 1 to 500 characters.
    reason: String,
    /// Only those of this durable consumer.
    #[serde(default)]
    consumer: Option<String>,
    /// Only events of this subject.
    #[serde(default)]
    subject: Option<String>,
    /// Only those that were given up for exactly this cause.
    #[serde(default)]
    cause: Option<String>,
    /// Only those that were given up before this time.
    #[serde(default)]
    before: Option<Timestamp>,
}

impl DiscardSelection {
    /// What is meant, and the reason, if it is one.
    pub fn checked(self) -> Result<(Selection, String), FieldErrors> {
        let Self { reason: text, consumer, subject, cause, before } = self;
        Ok((Selection { consumer, subject, cause, before }, reason(&text)?))
    }
}

fn reason(text: &str) -> Result<String, FieldErrors> {
    let reason = text.trim();
    if (1..=MAX_REASON).contains(&reason.chars().count()) {
        Ok(reason.to_owned())
    } else {
        Err(FieldErrors::one("reason", "invalid", format!("must have 1 to {MAX_REASON} characters")))
    }
}
