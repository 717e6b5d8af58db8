//! Sends queued notifications, one channel independently of the other.

use std::sync::Arc;

use kit::clock::SharedClock;
use kit::consumer::Failure;
use kit::database::{Database, Error, Transaction};
use kit::effects::{Effect, Outcome};
use kit::timestamp::Timestamp;
use uuid::Uuid;

use crate::domain::{Channel, Receipt, Settlement};
use crate::providers::{Message, Provider, SendError, Verdict};
use crate::store::notifications;

/// Sends the notifications of one channel.
pub(crate) struct Sender {
    pub(crate) channel: Channel,
    pub(crate) provider: Arc<dyn Provider>,
    pub(crate) clock: SharedClock,
}

impl Effect for Sender {
    type Task = Message;
    type Receipt = Receipt;

    fn kind(&self) -> &'static str {
        self.channel.as_str()
    }

    async fn load(&self, database: &Database, id: Uuid) -> Result<Option<Message>, Failure> {
        Ok(notifications::queued_message(database, id).await?)
    }

    /// Mail carries the notification's id in its `Message-ID`, by which receivers recognise a repetition.
    async fn act(&self, _: Uuid, message: &Message) -> Result<Receipt, Failure> {
        Ok(self.provider.send(message).await?)
    }

    async fn settle(
        &self,
        transaction: &mut Transaction,
        id: Uuid,
        outcome: Outcome<'_, Receipt>,
    ) -> Result<(), Error> {
        let now = Timestamp::now(self.clock.as_ref()).get();
        notifications::settle(transaction, id, Settlement::of(&outcome), now);
        Ok(())
    }
}

/// The provider's words name people: they are for the notification's record, behind a sentence for the logs.
impl From<SendError> for Failure {
    fn from(error: SendError) -> Self {
        let SendError { verdict, summary, words } = error;
        let cause = match words {
            Some(words) => anyhow::Error::msg(words).context(summary),
            None => anyhow::Error::msg(summary),
        };
        match verdict {
            Verdict::Refused => Self::reject(cause),
            Verdict::Delayed => Self::retry(cause),
            Verdict::Unavailable => Self::not_now(cause),
        }
    }
}
