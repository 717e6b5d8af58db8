//! Streams, subjects and key-value buckets in JetStream.

use std::time::Duration;

/// Dotted name of an event, such as `order.created`.
pub type Subject = &'static str;

/// First token of a dead letter's subject: `dlx.<subject>.failed`.
pub const DEAD_LETTER_PREFIX: &str = "dlx";

/// A JetStream stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stream {
    /// Name in upper case.
    pub name: &'static str,
    /// Subjects it stores; NATS wildcards allowed.
    pub subjects: &'static [&'static str],
    /// Oldest message kept.
    pub max_age: Duration,
}

/// A JetStream key-value bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// Name of the bucket; its stream is `KV_<name>`.
    pub name: &'static str,
    /// Life of an entry.
    pub max_age: Duration,
    /// Services that may write, each only below `<service>.`.
    pub writers: &'static [&'static str],
    /// Services that may watch it.
    pub readers: &'static [&'static str],
}

const DAY: Duration = Duration::from_hours(24);

/// All streams.
pub const STREAMS: &[Stream] = &[
    Stream {
        name: "USERS",
        subjects: &[
            "user.registered",
            "user.verified",
            "user.password_reset_requested",
            "user.updated",
            "user.deleted",
        ],
        max_age: DAY.saturating_mul(7),
    },
    Stream {
        name: "ORDERS",
        subjects: &[
            "order.created",
            "order.confirmed",
            "order.shipped",
            "order.delivered",
            "order.cancelled",
            "order.status_updated",
        ],
        max_age: DAY.saturating_mul(7),
    },
    Stream { name: "DEADLETTERS", subjects: &["dlx.>"], max_age: DAY.saturating_mul(30) },
];

/// All key-value buckets.
pub const BUCKETS: &[Bucket] = &[
    // Which signing keys each pod has loaded; an entry not renewed within 90 s is a pod that is gone.
    Bucket {
        name: "adoption",
        max_age: Duration::from_secs(90),
        writers: &["gateway", "auth", "order", "notification"],
        readers: &[],
    },
    // Tokens ended before their time; kept for the longest access-token life that the resource allows.
    Bucket {
        name: "revocations",
        max_age: DAY,
        writers: &["auth"],
        readers: &["gateway", "auth", "order", "notification"],
    },
];

/// The stream that stores `subject`, an exact subject without wildcards.
pub fn stream_of(subject: &str) -> Option<&'static Stream> {
    STREAMS.iter().find(|stream| stream.subjects.iter().any(|pattern| matches(pattern, subject)))
}

/// Whether a NATS subject pattern matches; only the `>` wildcard is used here.
fn matches(pattern: &str, subject: &str) -> bool {
    match pattern.strip_suffix('>') {
        Some(prefix) => subject.len() > prefix.len() && subject.starts_with(prefix),
        None => pattern == subject,
    }
}
