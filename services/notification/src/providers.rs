//! The outside systems that carry messages.

mod credentials;
mod log;
mod smtp;
mod terminal;
mod twilio;

#[cfg(test)]
#[path = "../tests/smtp_catcher/mod.rs"]
mod catcher;

use std::io::ErrorKind;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::domain::Receipt;

pub(crate) use log::Log;
pub(crate) use smtp::{Smtp, SmtpSettings};
pub(crate) use terminal::Terminal;
pub(crate) use twilio::{Twilio, TwilioSettings};

/// A message as a provider gets it.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    /// The notification's id, from which a provider derives its idempotency reference.
    pub(crate) id: Uuid,
    /// E-mail address or phone number.
    pub(crate) recipient: String,
    /// Subject line; none for SMS.
    pub(crate) subject: Option<String>,
    /// HTML for mail, text for SMS.
    pub(crate) body: String,
    /// The same for programs that show no HTML; none for SMS, and for mail that an earlier release queued.
    pub(crate) plain_text: Option<String>,
    /// When it was put into words.
    pub(crate) composed_at: DateTime<Utc>,
}

/// Why a provider did not take a message.
#[derive(Debug, thiserror::Error)]
#[error("{summary}")]
pub(crate) struct SendError {
    /// What follows from it.
    pub(crate) verdict: Verdict,
    /// For logs, dead letters and the platform's status: names the provider and the cause, and no person.
    pub(crate) summary: String,
    /// The provider's own words, which may name people: for the notification's record alone.
    pub(crate) words: Option<String>,
}

/// What follows from an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The provider will never accept this message.
    Refused,
    /// The provider does not take this message now; it may later.
    Delayed,
    /// The provider cannot be asked, or takes no message at all now.
    Unavailable,
}

impl SendError {
    /// The provider cannot be asked.
    fn unavailable(summary: impl Into<String>) -> Self {
        Self { verdict: Verdict::Unavailable, summary: summary.into(), words: None }
    }

    /// The message itself cannot be sent.
    fn refused(summary: impl Into<String>) -> Self {
        Self { verdict: Verdict::Refused, summary: summary.into(), words: None }
    }
}

/// Why a connection failed, in a few words without the address, which the caller knows.
fn cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut deepest = error;
    loop {
        if let Some(failure) = deepest.downcast_ref::<std::io::Error>()
            && let Some(words) = words_of(failure.kind())
        {
            return words.to_owned();
        }
        match deepest.source() {
            Some(source) => deepest = source,
            None => return deepest.to_string(),
        }
    }
}

fn words_of(kind: ErrorKind) -> Option<&'static str> {
    Some(match kind {
        ErrorKind::ConnectionRefused => "connection refused",
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => {
            "the connection was closed"
        }
        ErrorKind::UnexpectedEof => "the connection was closed before an answer",
        ErrorKind::TimedOut | ErrorKind::WouldBlock => "no answer in time",
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => "unreachable",
        _ => return None,
    })
}

/// Carries messages of one channel.
#[async_trait]
pub(crate) trait Provider: Send + Sync {
    /// Hands the message over.
    async fn send(&self, message: &Message) -> Result<Receipt, SendError>;
}

/// The provider of each channel.
#[derive(Clone)]
pub(crate) struct Providers {
    /// Carries mail.
    pub(crate) email: Arc<dyn Provider>,
    /// Carries text messages.
    pub(crate) sms: Arc<dyn Provider>,
}
