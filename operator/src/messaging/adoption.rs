//! Which signing keys each pod says it has loaded.

use std::collections::{BTreeMap, BTreeSet};

use async_nats::jetstream::{self, kv};
use futures::TryStreamExt as _;
use protocol::buckets::AdoptionReport;
use topology::ADOPTION;

/// The reports could not be read; that is not the same as no report.
#[derive(Debug, thiserror::Error)]
pub enum AdoptionError {
    /// The bucket does not answer.
    #[error("the bucket `{}` does not answer", ADOPTION.name)]
    Bucket(#[source] jetstream::context::KeyValueError),
    /// Its keys cannot be listed.
    #[error("the keys of the bucket `{}` cannot be listed", ADOPTION.name)]
    Keys(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A report cannot be read.
    #[error("the report of {pod} cannot be read")]
    Entry {
        /// `<service>.<pod>`
        pod: String,
        /// What the client reports.
        #[source]
        source: kv::EntryError,
    },
}

/// Key ids by `<service>.<pod>`. A report that is not in the agreed form counts as none.
pub async fn adoption(
    jetstream: &jetstream::Context,
) -> Result<BTreeMap<String, BTreeSet<String>>, AdoptionError> {
    let store = jetstream.get_key_value(ADOPTION.name).await.map_err(AdoptionError::Bucket)?;
    let keys = store.keys().await.map_err(|error| AdoptionError::Keys(Box::new(error)))?;
    let keys: Vec<String> = keys.try_collect().await.map_err(|error| AdoptionError::Keys(Box::new(error)))?;
    let mut reports = BTreeMap::new();
    for pod in keys {
        let entry = store.get(&pod).await;
        let value = entry.map_err(|source| AdoptionError::Entry { pod: pod.clone(), source })?;
        // Expired since it was listed.
        let Some(value) = value else { continue };
        match serde_json::from_slice::<AdoptionReport>(&value) {
            Ok(report) => {
                reports.insert(pod, report.kids);
            }
            Err(error) => {
                tracing::warn!(pod, error = %error, "adoption report is not in the agreed form");
            }
        }
    }
    Ok(reports)
}
