//! What JetStream holds now.

use std::collections::BTreeMap;

use async_nats::jetstream::consumer;
use async_nats::jetstream::context::{ConsumerInfoErrorKind, GetStreamErrorKind};
use async_nats::jetstream::{self, ErrorCode, stream};
use futures::future::try_join_all;

use super::desired::Desired;

/// The streams and consumers that were asked about. Absent means that the server said so, never that it was silent.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// By name.
    pub streams: BTreeMap<String, ObservedStream>,
    /// By stream and durable.
    pub consumers: BTreeMap<(String, String), ObservedConsumer>,
}

/// A stream.
#[derive(Debug, Clone)]
pub struct ObservedStream {
    /// Its whole configuration.
    pub config: stream::Config,
    /// Messages it holds.
    pub messages: u64,
    /// Bytes it holds.
    pub bytes: u64,
    /// Consumers that read it.
    pub consumers: usize,
}

/// A consumer.
#[derive(Debug, Clone)]
pub struct ObservedConsumer {
    /// Its whole configuration.
    pub config: consumer::Config,
    /// Messages not delivered yet.
    pub pending: u64,
    /// Messages delivered and not acknowledged.
    pub in_flight: usize,
    /// Requests for messages that wait for one.
    pub waiting: usize,
}

/// JetStream did not answer a question.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    /// About a stream.
    #[error("cannot ask about stream {name}")]
    Stream {
        /// The stream.
        name: String,
        /// What the client reports.
        #[source]
        source: jetstream::context::GetStreamError,
    },
    /// About a consumer.
    #[error("cannot ask about consumer {durable} of stream {stream}")]
    Consumer {
        /// The stream.
        stream: String,
        /// The consumer.
        durable: String,
        /// What the client reports.
        #[source]
        source: jetstream::context::ConsumerInfoError,
    },
}

/// Asks about everything in `desired`, by name.
pub async fn observe(jetstream: &jetstream::Context, desired: &Desired) -> Result<Observed, ObserveError> {
    let streams = try_join_all(desired.streams.iter().map(|spec| stream_named(jetstream, &spec.name)));
    let wanted = desired.consumers.iter().map(|spec| (spec.stream.as_str(), spec.durable.as_str()));
    let obsolete = desired.obsolete.iter().map(|obsolete| (obsolete.stream, obsolete.durable));
    let asked = wanted.chain(obsolete).map(|(stream, durable)| consumer_named(jetstream, stream, durable));
    let consumers = try_join_all(asked);
    let (streams, consumers) = futures::try_join!(streams, consumers)?;
    Ok(Observed {
        streams: streams.into_iter().flatten().collect(),
        consumers: consumers.into_iter().flatten().collect(),
    })
}

async fn stream_named(
    jetstream: &jetstream::Context,
    name: &str,
) -> Result<Option<(String, ObservedStream)>, ObserveError> {
    match jetstream.get_stream(name).await {
        Ok(stream) => {
            let info = stream.cached_info();
            let observed = ObservedStream {
                config: info.config.clone(),
                messages: info.state.messages,
                bytes: info.state.bytes,
                consumers: info.state.consumer_count,
            };
            Ok(Some((name.to_owned(), observed)))
        }
        Err(error) => match error.kind() {
            GetStreamErrorKind::JetStream(reason) if reason.error_code() == ErrorCode::STREAM_NOT_FOUND => {
                Ok(None)
            }
            _ => Err(ObserveError::Stream { name: name.to_owned(), source: error }),
        },
    }
}

async fn consumer_named(
    jetstream: &jetstream::Context,
    stream: &str,
    durable: &str,
) -> Result<Option<((String, String), ObservedConsumer)>, ObserveError> {
    let failed =
        |source| ObserveError::Consumer { stream: stream.to_owned(), durable: durable.to_owned(), source };
    // No request: the name alone makes the handle.
    let handle = jetstream
        .get_stream_no_info(stream)
        .await
        .map_err(|source| ObserveError::Stream { name: stream.to_owned(), source })?;
    match handle.consumer_info(durable).await {
        Ok(info) => {
            let observed = ObservedConsumer {
                config: info.config,
                pending: info.num_pending,
                in_flight: info.num_ack_pending,
                waiting: info.num_waiting,
            };
            Ok(Some(((stream.to_owned(), durable.to_owned()), observed)))
        }
        Err(error) => match error.kind() {
            ConsumerInfoErrorKind::NotFound | ConsumerInfoErrorKind::StreamNotFound => Ok(None),
            _ => Err(failed(error)),
        },
    }
}
