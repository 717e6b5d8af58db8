//! Carrying a plan out.

use async_nats::jetstream;
use async_nats::jetstream::context::CreateStreamError;

use super::plan::Action;

/// JetStream refused an action.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// About a stream.
    #[error("cannot {verb} stream {name}")]
    Stream {
        /// `create` or `update`.
        verb: &'static str,
        /// The stream.
        name: String,
        /// What the client reports.
        #[source]
        source: CreateStreamError,
    },
    /// About a consumer.
    #[error("cannot {verb} consumer {name}")]
    Consumer {
        /// `create`, `update` or `delete`.
        verb: &'static str,
        /// Stream and durable.
        name: String,
        /// What the client reports.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Carries the actions out in order and stops at the first refusal; what was done stays, and the next plan goes on.
pub async fn apply(jetstream: &jetstream::Context, actions: &[Action]) -> Result<(), ApplyError> {
    for action in actions {
        match action {
            Action::CreateStream(config) => {
                let created = jetstream.create_stream(config.as_ref().clone()).await;
                created.map(drop).map_err(|source| ApplyError::Stream {
                    verb: "create",
                    name: config.name.clone(),
                    source,
                })?;
            }
            Action::UpdateStream(config) => {
                let updated = jetstream.update_stream(config.as_ref()).await;
                updated.map(drop).map_err(|source| ApplyError::Stream {
                    verb: "update",
                    name: config.name.clone(),
                    source,
                })?;
            }
            Action::CreateConsumer { stream, config } => {
                let created =
                    jetstream.create_consumer_strict_on_stream(config.as_ref().clone(), stream).await;
                created.map(drop).map_err(|source| refused("create", stream, config, source))?;
            }
            Action::UpdateConsumer { stream, config } => {
                let updated = jetstream.update_consumer_on_stream(config.as_ref().clone(), stream).await;
                updated.map(drop).map_err(|source| refused("update", stream, config, source))?;
            }
            Action::DeleteConsumer { stream, durable } => {
                let deleted = jetstream.delete_consumer_from_stream(durable, stream).await;
                deleted.map(drop).map_err(|source| ApplyError::Consumer {
                    verb: "delete",
                    name: format!("{stream}/{durable}"),
                    source: Box::new(source),
                })?;
            }
        }
    }
    Ok(())
}

fn refused(
    verb: &'static str,
    stream: &str,
    config: &jetstream::consumer::pull::Config,
    source: impl std::error::Error + Send + Sync + 'static,
) -> ApplyError {
    let durable = config.durable_name.as_deref().unwrap_or_default();
    ApplyError::Consumer { verb, name: format!("{stream}/{durable}"), source: Box::new(source) }
}
