//! The default provider: writes a log line and sends nothing.

use async_trait::async_trait;

use super::{Message, Provider, SendError};
use crate::domain::{Channel, Receipt};

/// Logs every message of a channel, without the recipient or the content.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Log(pub(crate) Channel);

#[async_trait]
impl Provider for Log {
    async fn send(&self, message: &Message) -> Result<Receipt, SendError> {
        tracing::info!(
            notification.id = %message.id,
            notification.channel = %self.0,
            "notification logged; no provider is declared for its channel, so nobody gets it"
        );
        Ok(Receipt::Logged)
    }
}
