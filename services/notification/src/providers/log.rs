//! The default provider: writes a log line and sends nothing.

use async_trait::async_trait;

use super::{Message, Provider, SendError};
use crate::domain::Channel;

/// Accepts every message of a channel and logs that it did, without the recipient or the content.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Log(pub(crate) Channel);

#[async_trait]
impl Provider for Log {
    async fn send(&self, message: &Message) -> Result<String, SendError> {
        tracing::info!(
            notification.id = %message.id,
            notification.channel = %self.0,
            "notification accepted by the log provider; nothing leaves this process"
        );
        Ok(format!("log-{}", message.id))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[tokio::test]
    async fn the_reference_names_the_notification() {
        let id = Uuid::now_v7();
        let message =
            Message { id, recipient: "jane@example.com".into(), subject: None, body: "Hello".into() };
        assert_eq!(Log(Channel::Email).send(&message).await.unwrap(), format!("log-{id}"));
    }
}
