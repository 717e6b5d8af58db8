//! What services cannot get done because something outside the platform is unavailable.

use std::collections::BTreeMap;

use async_nats::jetstream;
use protocol::buckets::OutageReport;

use super::bucket::{BucketError, reports};

/// What waits in one service for one kind of effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outage {
    /// The service.
    pub service: String,
    /// The kind of effect, such as `email`.
    pub kind: String,
    /// What is known of it.
    pub report: OutageReport,
}

/// Every outage once, by service and kind.
pub async fn outages(jetstream: &jetstream::Context) -> Result<Vec<Outage>, BucketError> {
    Ok(merged(reports(jetstream, &topology::OUTAGES).await?))
}

/// Each process reports what waits in its service's database, some a moment later: the report with the oldest
/// that waits speaks for all, and the largest number.
fn merged(reports: BTreeMap<String, OutageReport>) -> Vec<Outage> {
    let mut outages: Vec<Outage> = Vec::new();
    for (key, report) in reports {
        let Some((service, kind)) = OutageReport::from_key(&key) else { continue };
        match outages.iter_mut().find(|one| one.service == service && one.kind == kind) {
            None => outages.push(Outage { service: service.to_owned(), kind: kind.to_owned(), report }),
            Some(known) => {
                let waiting = known.report.waiting.max(report.waiting);
                if report.since < known.report.since {
                    known.report = report;
                }
                known.report.waiting = waiting;
            }
        }
    }
    outages
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(since: i64, waiting: u64, error: &str) -> OutageReport {
        OutageReport { since, waiting, error: error.to_owned() }
    }

    #[test]
    fn what_several_pods_report_is_one_outage() {
        let reports = [
            ("notification.email.pod-1", report(20, 3, "connection refused")),
            ("notification.email.pod-2", report(10, 2, "no answer in time")),
            ("notification.sms.pod-1", report(30, 1, "connection refused")),
            ("rubbish", report(1, 1, "")),
        ];
        let outage =
            |kind: &str, report| Outage { service: "notification".to_owned(), kind: kind.to_owned(), report };
        assert_eq!(
            merged(reports.map(|(key, report)| (key.to_owned(), report)).into()),
            [
                outage("email", report(10, 3, "no answer in time")),
                outage("sms", report(30, 1, "connection refused")),
            ]
        );
    }
}
