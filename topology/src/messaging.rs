//! Streams and key-value buckets in JetStream.

use std::time::Duration;

use crate::events::{
    CART_ITEM_ADDED, ORDER_CANCELLED, ORDER_CONFIRMED, ORDER_CREATED, ORDER_DELIVERED, ORDER_RETURNED,
    ORDER_SHIPPED, ORDER_STATUS_UPDATED, USER_DEACTIVATED, USER_DELETED, USER_EMAIL_CHANGE_REQUESTED,
    USER_EXPORT_REQUESTED, USER_PASSWORD_RESET_REQUESTED, USER_REGISTERED, USER_UPDATED,
    USER_VERIFICATION_REQUESTED, USER_VERIFIED,
};
use crate::services::{SERVICES, Service};

/// First token of a dead letter's subject: `dlx.<subject>.failed`.
pub const DEAD_LETTER_PREFIX: &str = "dlx";

/// A JetStream stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stream {
    /// Name in upper case.
    pub name: &'static str,
    /// Subjects it stores; NATS wildcards allowed.
    pub subjects: &'static [&'static str],
    /// How long a message is kept.
    pub max_age: Duration,
}

/// Which services do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Users {
    /// Every service, those to come included.
    Everyone,
    /// These alone.
    Only(&'static [&'static str]),
}

/// A JetStream key-value bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// Name of the bucket.
    pub name: &'static str,
    /// Life of an entry.
    pub max_age: Duration,
    /// Services that may write, each only below `<service>.`.
    pub writers: Users,
    /// Services that may watch it.
    pub readers: Users,
}

const DAY: Duration = Duration::from_hours(24);
const WEEK: Duration = DAY.saturating_mul(7);

/// All streams.
pub const STREAMS: &[Stream] = &[
    Stream {
        name: "USERS",
        subjects: &[
            USER_REGISTERED,
            USER_VERIFIED,
            USER_PASSWORD_RESET_REQUESTED,
            USER_VERIFICATION_REQUESTED,
            USER_EMAIL_CHANGE_REQUESTED,
            USER_UPDATED,
            USER_DEACTIVATED,
            USER_DELETED,
            USER_EXPORT_REQUESTED,
        ],
        max_age: WEEK,
    },
    Stream {
        name: "ORDERS",
        subjects: &[
            ORDER_CREATED,
            ORDER_CONFIRMED,
            ORDER_SHIPPED,
            ORDER_DELIVERED,
            ORDER_CANCELLED,
            ORDER_STATUS_UPDATED,
            ORDER_RETURNED,
            CART_ITEM_ADDED,
        ],
        max_age: WEEK,
    },
    Stream { name: "DEADLETTERS", subjects: &["dlx.>"], max_age: DAY.saturating_mul(30) },
];

/// Which signing keys each process has loaded; an entry not renewed within 90 s is a process that is gone.
pub const ADOPTION: Bucket = Bucket {
    name: "adoption",
    max_age: Duration::from_secs(90),
    writers: Users::Everyone,
    readers: Users::Only(&[]),
};

/// Tokens ended before their time; kept for the longest access-token life that the resource allows.
pub const REVOCATIONS: Bucket =
    Bucket { name: "revocations", max_age: DAY, writers: Users::Only(&["auth"]), readers: Users::Everyone };

/// What each process cannot get done outside the platform, such as sending mail; an entry not renewed within 90 s is of
/// a process that is gone.
pub const OUTAGES: Bucket = Bucket {
    name: "outages",
    max_age: Duration::from_secs(90),
    writers: Users::Only(&["notification"]),
    readers: Users::Only(&[]),
};

/// All key-value buckets.
pub const BUCKETS: &[Bucket] = &[ADOPTION, REVOCATIONS, OUTAGES];

impl Users {
    /// Whether the service of that name is one of them.
    pub fn contains(&self, service: &str) -> bool {
        match self {
            Self::Everyone => crate::service(service).is_some(),
            Self::Only(names) => names.contains(&service),
        }
    }

    /// The services.
    pub fn services(self) -> impl Iterator<Item = &'static Service> {
        SERVICES.iter().filter(move |service| self.contains(service.name))
    }
}

impl Bucket {
    /// Whether a service may write below `<service>.`.
    pub fn may_write(&self, service: &str) -> bool {
        self.writers.contains(service)
    }

    /// Whether a service may watch it.
    pub fn may_read(&self, service: &str) -> bool {
        self.readers.contains(service)
    }
}

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
