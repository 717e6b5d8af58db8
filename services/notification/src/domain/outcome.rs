//! What one attempt to send means for the notification, and all of them for the event.

use super::{Channel, Status};

/// Result of one attempt over one channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The provider accepted the message under this reference.
    Sent {
        /// The provider's name for the message.
        provider_ref: String,
    },
    /// The provider will never accept this message.
    Refused {
        /// The provider's words.
        message: String,
    },
    /// The provider could not be asked, or asks to come back later.
    Unavailable {
        /// The provider's words.
        message: String,
    },
    /// Another run holds the notification's lease and may be sending it now.
    Busy,
}

impl Outcome {
    /// A word for logs and metrics.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Sent { .. } => "sent",
            Self::Refused { .. } => "refused",
            Self::Unavailable { .. } => "unavailable",
            Self::Busy => "busy",
        }
    }
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

/// `error_message` and `provider_ref` end at their column's width.
const MESSAGE_CHARS: usize = 1000;
const REFERENCE_CHARS: usize = 255;

/// The record of one attempt; `last` when no redelivery follows. `Busy` leaves the record to the other run.
pub(crate) fn settle(outcome: &Outcome, last: bool) -> Option<Settlement> {
    match outcome {
        Outcome::Sent { provider_ref } => Some(Settlement {
            status: Status::Sent,
            provider_ref: Some(cut(provider_ref, REFERENCE_CHARS)),
            error_message: None,
        }),
        Outcome::Refused { message } => Some(unsent(Status::Failed, message)),
        Outcome::Unavailable { message } if last => Some(unsent(Status::Failed, message)),
        Outcome::Unavailable { message } => Some(unsent(Status::Queued, message)),
        Outcome::Busy => None,
    }
}

fn unsent(status: Status, message: &str) -> Settlement {
    Settlement { status, provider_ref: None, error_message: Some(cut(message, MESSAGE_CHARS)) }
}

/// Whole characters only, and no control characters: a provider's words are shown to people.
fn cut(text: &str, chars: usize) -> String {
    text.chars().filter(|c| !c.is_control()).take(chars).collect()
}

/// What to do with the event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Every channel is sent.
    Done,
    /// At least one channel may still succeed.
    Retry {
        /// The channels, for the log and the dead letter.
        channels: Vec<Channel>,
    },
    /// What is not sent never will be.
    Reject {
        /// The channels, for the log and the dead letter.
        channels: Vec<Channel>,
    },
}

/// Judges an event by its channels: one that may still succeed keeps the event alive.
pub(crate) fn verdict(outcomes: &[(Channel, Outcome)]) -> Verdict {
    let channels = |wanted: fn(&Outcome) -> bool| -> Vec<Channel> {
        outcomes.iter().filter(|(_, outcome)| wanted(outcome)).map(|(channel, _)| *channel).collect()
    };
    let open = channels(|outcome| matches!(outcome, Outcome::Unavailable { .. } | Outcome::Busy));
    if !open.is_empty() {
        return Verdict::Retry { channels: open };
    }
    let refused = channels(|outcome| matches!(outcome, Outcome::Refused { .. }));
    if refused.is_empty() { Verdict::Done } else { Verdict::Reject { channels: refused } }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent() -> Outcome {
        Outcome::Sent { provider_ref: "ref".into() }
    }

    fn unavailable() -> Outcome {
        Outcome::Unavailable { message: "connection refused".into() }
    }

    fn refused() -> Outcome {
        Outcome::Refused { message: "no such mailbox".into() }
    }

    #[test]
    fn an_unavailable_provider_leaves_the_notification_queued_until_the_last_attempt() {
        assert_eq!(settle(&unavailable(), false).unwrap().status, Status::Queued);
        let last = settle(&unavailable(), true).unwrap();
        assert_eq!(last.status, Status::Failed);
        assert_eq!(last.error_message.as_deref(), Some("connection refused"));
    }

    #[test]
    fn a_refused_message_fails_at_once() {
        assert_eq!(settle(&refused(), false).unwrap().status, Status::Failed);
    }

    #[test]
    fn a_sent_message_carries_its_reference_and_no_error() {
        let settlement = settle(&sent(), true).unwrap();
        assert_eq!(settlement.status, Status::Sent);
        assert_eq!(settlement.provider_ref.as_deref(), Some("ref"));
        assert_eq!(settlement.error_message, None);
    }

    #[test]
    fn a_busy_notification_is_left_alone() {
        assert_eq!(settle(&Outcome::Busy, true), None);
    }

    #[test]
    fn long_words_of_a_provider_fit_their_column() {
        let outcome = Outcome::Refused { message: "ü\n".repeat(2000) };
        let message = settle(&outcome, false).unwrap().error_message.unwrap();
        assert_eq!(message.chars().count(), 1000);
        assert!(!message.contains('\n'));
    }

    #[test]
    fn one_channel_that_may_succeed_keeps_the_event_alive() {
        let outcomes = [(Channel::Email, refused()), (Channel::Sms, unavailable())];
        assert_eq!(verdict(&outcomes), Verdict::Retry { channels: vec![Channel::Sms] });
    }

    #[test]
    fn a_busy_channel_is_asked_again() {
        let outcomes = [(Channel::Email, sent()), (Channel::Sms, Outcome::Busy)];
        assert_eq!(verdict(&outcomes), Verdict::Retry { channels: vec![Channel::Sms] });
    }

    #[test]
    fn only_refused_channels_end_the_event() {
        let outcomes = [(Channel::Email, refused()), (Channel::Sms, sent())];
        assert_eq!(verdict(&outcomes), Verdict::Reject { channels: vec![Channel::Email] });
    }

    #[test]
    fn an_event_is_done_when_every_channel_is_sent() {
        assert_eq!(verdict(&[(Channel::Email, sent()), (Channel::Sms, sent())]), Verdict::Done);
    }
}
