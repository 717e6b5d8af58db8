//! What JetStream should hold, from the topology and the resource's limits.

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::stream::{self, DiscardPolicy};
use protocol::buckets;

/// How long the broker remembers `Nats-Msg-Id`. An outbox relay that died between publishing and marking repeats itself
/// within its restart back-off, which is minutes; consumers' inboxes catch what comes later.
const DUPLICATE_WINDOW: Duration = Duration::from_mins(15);

/// Time to acknowledge a message or to say that work is still in progress.
const ACK_WAIT: Duration = Duration::from_secs(30);

/// Deliveries of a message: until it is answered. The consumers count, and answer the last attempt with a dead letter;
/// a limit here would lose the message whose consumer ended before it did so.
const MAX_DELIVER: i64 = -1;

/// Messages delivered and not acknowledged, over all replicas of a service. Messages that wait for their retry count
/// too, so this is far above what one replica works on, or a few poison messages would hold up their neighbours.
const MAX_ACK_PENDING: i64 = 1_000;

/// Limits that the platform resource declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Copies of each stream: 1 or 3.
    pub replicas: usize,
    /// Most bytes in a stream; `None` leaves it to the server's storage.
    pub max_bytes: Option<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { replicas: 1, max_bytes: None }
    }
}

/// The managed part of a stream's configuration; everything else is left as it is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamSpec {
    /// Name of the stream.
    pub name: String,
    /// Subjects it stores.
    pub subjects: Vec<String>,
    /// Oldest message kept.
    pub max_age: Duration,
    /// Most bytes kept; -1 is unlimited.
    pub max_bytes: i64,
    /// Messages kept a subject; -1 is unlimited.
    pub max_messages_per_subject: i64,
    /// What happens at the limits.
    pub discard: DiscardPolicy,
    /// How long `Nats-Msg-Id` is remembered.
    pub duplicate_window: Duration,
    /// Copies.
    pub replicas: usize,
    /// A key-value bucket, with the options that buckets need.
    pub bucket: bool,
}

/// A durable pull consumer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumerSpec {
    /// Stream it reads.
    pub stream: String,
    /// Name of the durable.
    pub durable: String,
    /// Subjects it receives.
    pub subjects: Vec<String>,
}

/// Everything that JetStream should hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Desired {
    /// Streams, buckets included, in creation order.
    pub streams: Vec<StreamSpec>,
    /// Consumers.
    pub consumers: Vec<ConsumerSpec>,
    /// Consumers of earlier releases that should go.
    pub obsolete: Vec<topology::ObsoleteConsumer>,
}

impl Desired {
    /// Streams, buckets and consumers of the topology.
    pub fn from_topology(limits: Limits) -> Self {
        let streams = topology::STREAMS.iter().map(|stream| StreamSpec::events(stream, limits));
        let buckets = topology::BUCKETS.iter().map(|bucket| StreamSpec::bucket(bucket, limits));
        let consumers =
            topology::SERVICES.iter().flat_map(|service| service.consumers).map(|consumer| ConsumerSpec {
                stream: consumer.stream.to_owned(),
                durable: consumer.durable.to_owned(),
                subjects: owned(consumer.subjects),
            });
        Self {
            streams: streams.chain(buckets).collect(),
            consumers: consumers.collect(),
            obsolete: topology::OBSOLETE_CONSUMERS.to_vec(),
        }
    }
}

impl StreamSpec {
    fn events(stream: &topology::Stream, limits: Limits) -> Self {
        Self {
            name: stream.name.to_owned(),
            subjects: owned(stream.subjects),
            max_age: stream.max_age,
            max_bytes: limits.max_bytes.map_or(-1, |bytes| i64::try_from(bytes).unwrap_or(i64::MAX)),
            max_messages_per_subject: -1,
            // A full stream drops its oldest: the outbox still has them, and shops must go on selling.
            discard: DiscardPolicy::Old,
            duplicate_window: DUPLICATE_WINDOW.min(stream.max_age),
            replicas: limits.replicas,
            bucket: false,
        }
    }

    /// A bucket is a stream of one message a key; the options are those of NATS's ADR-8.
    fn bucket(bucket: &topology::Bucket, limits: Limits) -> Self {
        Self {
            name: buckets::stream(bucket),
            subjects: vec![buckets::subject(bucket, ">")],
            max_age: bucket.max_age,
            max_bytes: -1,
            max_messages_per_subject: 1,
            discard: DiscardPolicy::New,
            duplicate_window: Duration::from_mins(2).min(bucket.max_age),
            replicas: limits.replicas,
            bucket: true,
        }
    }

    /// Writes the managed fields over `config`.
    pub(super) fn overlay(&self, config: &mut stream::Config) {
        config.subjects.clone_from(&self.subjects);
        config.max_age = self.max_age;
        config.max_bytes = self.max_bytes;
        config.max_messages = -1;
        config.max_messages_per_subject = self.max_messages_per_subject;
        config.max_message_size = -1;
        config.discard = self.discard;
        config.duplicate_window = self.duplicate_window;
        config.num_replicas = self.replicas;
        config.allow_rollup = self.bucket;
        config.allow_direct = self.bucket;
        config.no_ack = false;
        config.discard_new_per_subject = false;
        config.republish = None;
        config.subject_transform = None;
    }

    /// The configuration of a stream that does not exist yet.
    pub(super) fn create(&self) -> stream::Config {
        let mut config = stream::Config {
            name: self.name.clone(),
            deny_delete: self.bucket,
            max_consumers: -1,
            ..stream::Config::default()
        };
        self.overlay(&mut config);
        config
    }
}

impl ConsumerSpec {
    /// Writes the managed fields over `config`.
    pub(super) fn overlay(&self, config: &mut pull::Config) {
        // The server keeps one subject and several in different fields, and refuses both at once.
        match self.subjects.as_slice() {
            [subject] => {
                config.filter_subject.clone_from(subject);
                config.filter_subjects.clear();
            }
            subjects => {
                config.filter_subject.clear();
                config.filter_subjects = subjects.to_vec();
            }
        }
        config.ack_wait = ACK_WAIT;
        config.max_deliver = MAX_DELIVER;
        config.max_ack_pending = MAX_ACK_PENDING;
        config.headers_only = false;
        config.inactive_threshold = Duration::ZERO;
        config.backoff.clear();
        config.pause_until = None;
        // Zero follows the stream.
        config.num_replicas = 0;
    }

    /// The configuration of a consumer that does not exist yet: it starts with what the stream still holds.
    pub(super) fn create(&self) -> pull::Config {
        let mut config = pull::Config {
            durable_name: Some(self.durable.clone()),
            deliver_policy: DeliverPolicy::All,
            ack_policy: AckPolicy::Explicit,
            ..pull::Config::default()
        };
        self.overlay(&mut config);
        config
    }
}

fn owned(subjects: &[&str]) -> Vec<String> {
    subjects.iter().map(|subject| (*subject).to_owned()).collect()
}
