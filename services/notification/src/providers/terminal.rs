//! For development on one's own machine: shows every message, with its recipient and content.

use std::fmt::{self, Write as _};
use std::io::Write as _;

use async_trait::async_trait;

use super::{Message, Provider, SendError};
use crate::domain::{Channel, Receipt};

/// Writes the messages of a channel to standard output.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terminal(pub(crate) Channel);

#[async_trait]
impl Provider for Terminal {
    async fn send(&self, message: &Message) -> Result<Receipt, SendError> {
        let shown = Shown(self.0, message).to_string();
        // In one piece, so that two messages do not mix. A terminal that is gone loses what nobody could read.
        let _ = std::io::stdout().write_all(shown.as_bytes());
        Ok(Receipt::Logged)
    }
}

/// A message between two rules.
struct Shown<'a>(Channel, &'a Message);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(channel, message) = self;
        writeln!(formatter, "\n┌── {channel} to {}", message.recipient)?;
        if let Some(subject) = &message.subject {
            writeln!(formatter, "│ {subject}\n│")?;
        }
        for line in message.plain_text.as_ref().unwrap_or(&message.body).lines() {
            formatter.write_str("│")?;
            if !line.is_empty() {
                write!(formatter, " {line}")?;
            }
            formatter.write_char('\n')?;
        }
        writeln!(formatter, "└──")
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_mail_is_shown_with_its_recipient_subject_and_plain_text() {
        let message = Message {
            id: Uuid::nil(),
            recipient: "jane@example.com".into(),
            subject: Some("Order Confirmation - #7K4M-9PR2-XHTF".into()),
            body: "<p>Hello</p>".into(),
            plain_text: Some("Hello Jane,\n\nThank you.\n".into()),
            composed_at: DateTime::UNIX_EPOCH,
        };
        assert_eq!(
            Shown(Channel::Email, &message).to_string(),
            "\n┌── email to jane@example.com\n│ Order Confirmation - #7K4M-9PR2-XHTF\n│\n│ Hello Jane,\n│\n\
             │ Thank you.\n└──\n"
        );
    }
}
