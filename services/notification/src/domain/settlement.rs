//! What is recorded of an attempt to send.

use chrono::{DateTime, Utc};
use kit::effects::Outcome;

use super::Status;

/// `error_message` and `provider_ref` end at their column's width.
const MESSAGE_CHARS: usize = 1000;
const REFERENCE_CHARS: usize = 255;

/// What became of a message that was not refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Receipt {
    /// A provider took it, under this reference of its own.
    Sent(String),
    /// It was written to the log, and nobody got it.
    Logged,
}

/// What is recorded of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settlement {
    /// New status.
    pub(crate) status: Status,
    /// The provider's reference when sent.
    pub(crate) provider_ref: Option<String>,
    /// Why not, when not sent.
    pub(crate) error_message: Option<String>,
}

impl Settlement {
    /// The record of an attempt. One that is delayed stays queued.
    pub(crate) fn of(outcome: &Outcome<'_, Receipt>) -> Self {
        match outcome {
            Outcome::Done(Receipt::Sent(reference)) => Self {
                status: Status::Sent,
                provider_ref: Some(cut(reference, REFERENCE_CHARS)),
                error_message: None,
            },
            Outcome::Done(Receipt::Logged) => {
                Self { status: Status::Logged, provider_ref: None, error_message: None }
            }
            Outcome::Delayed(cause) => Self::unsent(Status::Queued, cause),
            Outcome::GivenUp(cause) => Self::unsent(Status::Failed, cause),
        }
    }

    /// When the provider accepted the message, if it did so now.
    pub(crate) fn sent_at(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        (self.status == Status::Sent).then_some(now)
    }

    /// With the provider's own words, where there are some.
    fn unsent(status: Status, cause: &anyhow::Error) -> Self {
        let words = cut(&format!("{cause:#}"), MESSAGE_CHARS);
        Self { status, provider_ref: None, error_message: Some(words) }
    }
}

/// Whole characters only, and no control characters: a provider's words are shown to people.
fn cut(text: &str, chars: usize) -> String {
    text.chars().filter(|c| !c.is_control()).take(chars).collect()
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn a_sent_message_carries_its_reference_and_no_error() {
        let settlement = Settlement::of(&Outcome::Done(&Receipt::Sent("ref".to_owned())));
        assert_eq!(settlement.status, Status::Sent);
        assert_eq!(settlement.provider_ref.as_deref(), Some("ref"));
        assert_eq!(settlement.error_message, None);
    }

    #[test]
    fn what_only_the_log_got_is_not_said_to_be_sent() {
        let settlement = Settlement::of(&Outcome::Done(&Receipt::Logged));
        assert_eq!((settlement.status, &settlement.provider_ref), (Status::Logged, &None));
        assert_eq!(settlement.sent_at(DateTime::UNIX_EPOCH), None);
    }

    #[test]
    fn an_unsent_message_carries_the_providers_own_words() {
        let cause = anyhow!("4.3.2 no room for jane").context("SMTP mail.example:25 answered 421");
        let delayed = Settlement::of(&Outcome::Delayed(&cause));
        assert_eq!(delayed.status, Status::Queued);
        let words = "SMTP mail.example:25 answered 421: 4.3.2 no room for jane";
        assert_eq!(delayed.error_message.as_deref(), Some(words));
        assert_eq!(Settlement::of(&Outcome::GivenUp(&cause)).status, Status::Failed);
    }

    #[test]
    fn long_words_of_a_provider_fit_their_column() {
        let message = Settlement::of(&Outcome::GivenUp(&anyhow!("ü\n".repeat(2000)))).error_message.unwrap();
        assert_eq!(message.chars().count(), 1000);
        assert!(!message.contains('\n'));
    }
}
