//! Which signing keys each pod says it has loaded.

use std::collections::{BTreeMap, BTreeSet};

use async_nats::jetstream;
use protocol::buckets::AdoptionReport;

use super::bucket::{BucketError, reports};

/// Key ids by `<service>.<pod>`.
pub async fn adoption(
    jetstream: &jetstream::Context,
) -> Result<BTreeMap<String, BTreeSet<String>>, BucketError> {
    let reports = reports::<AdoptionReport>(jetstream, &topology::ADOPTION).await?;
    Ok(reports.into_iter().map(|(pod, report)| (pod, report.kids)).collect())
}
