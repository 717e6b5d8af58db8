//! What each user may publish and subscribe to, from the topology.

use protocol::{buckets, dead_letter, paths::inbox_prefix};

/// The operator's own user in the platform's account.
const ADMIN: &str = "shopflow-operator";

/// Permissions of one user; everything else is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permissions {
    /// Name of the user.
    pub user: String,
    /// Subjects it may publish to.
    pub publish: Vec<String>,
    /// Subjects it may subscribe to.
    pub subscribe: Vec<String>,
}

impl Permissions {
    /// A service: its own subjects, its own consumers, its part of the buckets, its own inbox.
    pub fn service(service: &topology::Service) -> Self {
        let mut publish: Vec<String> = service.publishes.iter().map(|&subject| subject.to_owned()).collect();
        // A publisher asks the stream whether it still has what it acknowledged.
        let streams = service.publishes.iter().filter_map(|&subject| topology::stream_of(subject));
        publish.extend(streams.map(|stream| stream_info(stream.name)));
        for consumer in service.consumers {
            publish.extend(consuming(consumer));
        }
        for bucket in topology::BUCKETS {
            publish.extend(using(service.name, bucket));
        }
        // Several consumers of one stream, or reading what one also writes, name a subject twice.
        publish.sort_unstable();
        publish.dedup();
        let mut subscribe = vec![format!("{}.>", inbox_prefix(service.name))];
        subscribe.extend(service.consumers.iter().flat_map(advisories));
        Self { user: service.name.to_owned(), publish, subscribe }
    }

    /// The operator itself, within the platform's account.
    pub fn admin() -> Self {
        Self { user: ADMIN.to_owned(), publish: vec![">".to_owned()], subscribe: vec![">".to_owned()] }
    }
}

/// Asking for messages, acknowledging them, and giving up on them.
fn consuming(consumer: &topology::Consumer) -> Vec<String> {
    let topology::Consumer { stream, durable, .. } = consumer;
    let mut subjects = vec![
        stream_info(stream),
        format!("$JS.API.CONSUMER.INFO.{stream}.{durable}"),
        format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}"),
        format!("$JS.ACK.{stream}.{durable}.>"),
        // With domain and account hash, as NATS's ADR-15 announces for later servers.
        format!("$JS.ACK.*.*.{stream}.{durable}.>"),
    ];
    subjects.extend(consumer.subjects.iter().map(|subject| dead_letter::subject(subject)));
    subjects
}

/// What the server says of messages that it gives up by itself.
fn advisories(consumer: &topology::Consumer) -> [String; 2] {
    let topology::Consumer { stream, durable, .. } = consumer;
    ["MAX_DELIVERIES", "MSG_TERMINATED"]
        .map(|kind| format!("$JS.EVENT.ADVISORY.CONSUMER.{kind}.{stream}.{durable}"))
}

fn stream_info(stream: &str) -> String {
    format!("$JS.API.STREAM.INFO.{stream}")
}

fn using(service: &str, bucket: &topology::Bucket) -> Vec<String> {
    let stream = buckets::stream(bucket);
    let (writes, reads) = (bucket.may_write(service), bucket.may_read(service));
    let mut subjects = Vec::new();
    if writes || reads {
        subjects.push(stream_info(&stream));
    }
    if writes {
        subjects.push(buckets::subject(bucket, &format!("{service}.>")));
    }
    if reads {
        // A watch is an ephemeral consumer that the client makes, looks after and removes.
        subjects.extend([
            format!("$JS.API.CONSUMER.CREATE.{stream}"),
            format!("$JS.API.CONSUMER.CREATE.{stream}.>"),
            format!("$JS.API.CONSUMER.INFO.{stream}.*"),
            format!("$JS.API.CONSUMER.DELETE.{stream}.*"),
            format!("$JS.API.DIRECT.GET.{stream}.>"),
            format!("$JS.FC.{stream}.>"),
        ]);
    }
    subjects
}
