//! The outside systems that carry messages.

mod credentials;
mod log;
mod smtp;
mod twilio;

#[cfg(test)]
#[path = "../tests/smtp_catcher/mod.rs"]
mod catcher;

use std::sync::Arc;

use async_trait::async_trait;
use uuid::Uuid;

pub(crate) use log::Log;
pub(crate) use smtp::{Smtp, SmtpSettings};
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
}

/// Why a provider did not take a message. `Display` is what `error_message` shows.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    /// The provider will never accept this message.
    #[error("{0}")]
    Refused(String),
    /// The provider does not take this message now; it may later.
    #[error("{0}")]
    Delayed(String),
    /// The provider cannot be asked, or takes no message at all now.
    #[error("{0}")]
    Unavailable(String),
}

/// Carries messages of one channel.
#[async_trait]
pub(crate) trait Provider: Send + Sync {
    /// Hands the message over; answers the provider's reference.
    async fn send(&self, message: &Message) -> Result<String, SendError>;
}

/// The provider of each channel.
#[derive(Clone)]
pub(crate) struct Providers {
    /// Carries mail.
    pub(crate) email: Arc<dyn Provider>,
    /// Carries text messages.
    pub(crate) sms: Arc<dyn Provider>,
}
