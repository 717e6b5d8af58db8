//! What stands in the key-value buckets.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use topology::Bucket;
use uuid::Uuid;

/// Subject that an entry is written to, without asking for the bucket first.
pub fn subject(bucket: &Bucket, key: &str) -> String {
    format!("$KV.{}.{key}", bucket.name)
}

/// Name of the stream behind a bucket.
pub fn stream(bucket: &Bucket) -> String {
    format!("KV_{}", bucket.name)
}

/// Value in [`topology::ADOPTION`]: what one process has loaded.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdoptionReport {
    /// Ids of the keys that it verifies tokens with.
    pub kids: BTreeSet<String>,
}

impl AdoptionReport {
    /// Key of a process: `<service>.<instance>`, where the instance is the pod's name.
    pub fn key(service: &str, instance: &str) -> String {
        format!("{service}.{}", token(instance))
    }
}

/// Only these characters may stand in one token of a key; host names may hold dots.
fn token(instance: &str) -> String {
    let allowed = |c: char| {
        if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '_' }
    };
    instance.chars().map(allowed).collect()
}

/// Value in [`topology::OUTAGES`]: what waits because something outside the platform is unavailable, as one process
/// sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutageReport {
    /// When the oldest of what waits was planned, in milliseconds since 1970.
    pub since: i64,
    /// How many wait, those of other processes included.
    pub waiting: u64,
    /// Why, without anything about a person.
    pub error: String,
}

impl OutageReport {
    /// Key of what a process reports of one kind of effect: `<service>.<kind>.<instance>`.
    pub fn key(service: &str, kind: &str, instance: &str) -> String {
        format!("{service}.{kind}.{}", token(instance))
    }

    /// The service and the kind in a key; `None` for a key of another form.
    pub fn from_key(key: &str) -> Option<(&str, &str)> {
        let mut tokens = key.split('.');
        match (tokens.next(), tokens.next(), tokens.next(), tokens.next()) {
            (Some(service), Some(kind), Some(_), None) => Some((service, kind)),
            _ => None,
        }
    }
}

/// Key in [`topology::REVOCATIONS`]: what a revocation ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Revocation {
    /// All tokens of one session.
    Session(Uuid),
    /// All tokens of one user that were issued up to the time of the revocation.
    User(Uuid),
}

/// Every key begins with the name of the one service that may write it.
const WRITER: &str = "auth";

impl Revocation {
    /// The key: `auth.sid.<uuid>` or `auth.user.<uuid>`.
    pub fn key(self) -> String {
        match self {
            Self::Session(id) => format!("{WRITER}.sid.{id}"),
            Self::User(id) => format!("{WRITER}.user.{id}"),
        }
    }

    /// What a key of the bucket names; `None` for a key of another kind.
    pub fn from_key(key: &str) -> Option<Self> {
        let (kind, id) = key.strip_prefix(WRITER)?.strip_prefix('.')?.split_once('.')?;
        let id = Uuid::parse_str(id).ok()?;
        match kind {
            "sid" => Some(Self::Session(id)),
            "user" => Some(Self::User(id)),
            _ => None,
        }
    }
}

/// Value in [`topology::REVOCATIONS`]: when a revocation applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevocationValue {
    /// Tokens issued up to this time are refused, in milliseconds since 1970.
    pub before: i64,
    /// When the last token that it ends has expired, in milliseconds since 1970; it is forgotten then. Without it,
    /// after the longest life that a token may have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
}

/// A recorded revocation, as services read it from auth while the bucket cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevocationEntry {
    /// Key in the bucket.
    pub key: String,
    /// When it applies.
    #[serde(flatten)]
    pub value: RevocationValue,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_is_one_token_of_its_key() {
        assert_eq!(AdoptionReport::key("order", "shop-order-7.node"), "order.shop-order-7_node");
    }

    #[test]
    fn the_values_have_the_agreed_form() {
        let outage = OutageReport { since: 7, waiting: 2, error: "no".to_owned() };
        let text = r#"{"since":7,"waiting":2,"error":"no"}"#;
        assert_eq!(serde_json::to_string(&outage).unwrap(), text);
        let report = AdoptionReport { kids: ["b", "a"].map(str::to_owned).into() };
        assert_eq!(serde_json::to_string(&report).unwrap(), r#"{"kids":["a","b"]}"#);
        assert_eq!(
            serde_json::to_string(&RevocationValue { before: 7, until: None }).unwrap(),
            r#"{"before":7}"#
        );
        let entry = RevocationEntry {
            key: "auth.sid.1".to_owned(),
            value: RevocationValue { before: 7, until: Some(9) },
        };
        let text = r#"{"key":"auth.sid.1","before":7,"until":9}"#;
        assert_eq!(serde_json::to_string(&entry).unwrap(), text);
        assert_eq!(serde_json::from_str::<RevocationEntry>(text).unwrap(), entry);
    }

    #[test]
    fn the_key_of_an_outage_gives_back_what_is_concerned() {
        let key = OutageReport::key("notification", "email", "shop-notification-7.node");
        assert_eq!(key, "notification.email.shop-notification-7_node");
        assert_eq!(OutageReport::from_key(&key), Some(("notification", "email")));
        for key in ["notification", "notification.email", "notification.email.a.b"] {
            assert_eq!(OutageReport::from_key(key), None, "{key}");
        }
    }

    #[test]
    fn keys_of_revocations_give_back_whose_they_are_and_others_nothing() {
        for revocation in [Revocation::Session(Uuid::from_u128(1)), Revocation::User(Uuid::from_u128(2))] {
            assert_eq!(Revocation::from_key(&revocation.key()), Some(revocation));
            assert!(topology::REVOCATIONS.may_write(revocation.key().split_once('.').unwrap().0));
        }
        for key in ["auth.sid.x", "order.sid.", "auth.", "auth.role.019c0000-0000-7000-8000-000000000000"] {
            assert_eq!(Revocation::from_key(key), None, "{key}");
        }
    }

    #[test]
    fn subjects_and_streams_are_natss_own_for_a_bucket() {
        assert_eq!(subject(&topology::ADOPTION, "order.1"), "$KV.adoption.order.1");
        assert_eq!(stream(&topology::REVOCATIONS), "KV_revocations");
    }
}
