//! Reading what services report in a key-value bucket.

use std::collections::BTreeMap;

use async_nats::jetstream::{self, kv};
use futures::TryStreamExt as _;
use serde::de::DeserializeOwned;
use topology::Bucket;

/// The reports could not be read; that is not the same as no report.
#[derive(Debug, thiserror::Error)]
pub enum BucketError {
    /// The bucket does not answer.
    #[error("the bucket `{0}` does not answer")]
    Bucket(&'static str, #[source] jetstream::context::KeyValueError),
    /// Its keys cannot be listed.
    #[error("the keys of the bucket `{0}` cannot be listed")]
    Keys(&'static str, #[source] Box<dyn std::error::Error + Send + Sync>),
    /// A report cannot be read.
    #[error("the report `{key}` cannot be read")]
    Entry {
        /// Its key.
        key: String,
        /// What the client reports.
        #[source]
        source: kv::EntryError,
    },
}

/// Every report in the bucket by its key. One that is not in the agreed form counts as none.
pub(super) async fn reports<T: DeserializeOwned>(
    jetstream: &jetstream::Context,
    bucket: &Bucket,
) -> Result<BTreeMap<String, T>, BucketError> {
    let name = bucket.name;
    let store = jetstream.get_key_value(name).await.map_err(|error| BucketError::Bucket(name, error))?;
    let keys = store.keys().await.map_err(|error| BucketError::Keys(name, Box::new(error)))?;
    let keys: Vec<String> =
        keys.try_collect().await.map_err(|error| BucketError::Keys(name, Box::new(error)))?;
    let mut reports = BTreeMap::new();
    for key in keys {
        let entry = store.get(&key).await;
        let value = entry.map_err(|source| BucketError::Entry { key: key.clone(), source })?;
        // Expired since it was listed.
        let Some(value) = value else { continue };
        match serde_json::from_slice(&value) {
            Ok(report) => {
                reports.insert(key, report);
            }
            Err(error) => {
                tracing::warn!(bucket = name, key, error = %error, "a report is not in the agreed form");
            }
        }
    }
    Ok(reports)
}
