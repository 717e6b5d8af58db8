//! Access tokens ended before their time, as they are recorded and published.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// One entry of the bucket that every service reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Key in the bucket: `auth.sid.<session>` or `auth.user.<user>`.
    pub(crate) key: String,
    /// Tokens issued up to this time are refused, in milliseconds since 1970. Of the first release, in seconds.
    pub(crate) before: i64,
    /// When it was recorded.
    pub(crate) recorded_at: DateTime<Utc>,
}

impl Entry {
    /// Where it stands among all.
    pub(crate) fn position(&self) -> Position {
        Position { at: self.recorded_at, key: self.key.clone() }
    }
}

/// Where an entry stands among all, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Position {
    /// When it was recorded.
    pub(crate) at: DateTime<Utc>,
    /// Its key.
    pub(crate) key: String,
}

/// A part of all entries.
#[derive(Debug)]
pub(crate) struct Page {
    /// Entries, oldest first.
    pub(crate) entries: Vec<Entry>,
    /// Where to continue, when more follow.
    pub(crate) next: Option<Position>,
}
