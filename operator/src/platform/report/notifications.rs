//! Whether mail and text messages leave the platform, in the words of the status.

use jiff::Timestamp;

use crate::{
    api::{Outcome, reason},
    messaging::Outage,
};

/// The service that sends them.
const SERVICE: &str = "notification";

/// Whether messages are taken by whoever carries them. Nothing in the words changes while nothing happens.
pub(super) fn notifications_ready(outages: &[Outage]) -> Outcome {
    let own: Vec<String> = outages.iter().filter(|outage| outage.service == SERVICE).map(words).collect();
    if own.is_empty() {
        return Outcome::yes(reason::CONVERGED, "no message waits for a server outside the platform");
    }
    Outcome::no(reason::PROVIDER_UNAVAILABLE, format!("{}; each is tried again for 24 hours", own.join("; ")))
}

fn words(Outage { kind, report, .. }: &Outage) -> String {
    let messages = if report.waiting == 1 { "message waits" } else { "messages wait" };
    let since = Timestamp::from_second(report.since.div_euclid(1000)).unwrap_or_default();
    format!("{kind}: {} {messages} since {since}: {}", report.waiting, report.error)
}

#[cfg(test)]
mod tests {
    use protocol::buckets::OutageReport;

    use super::*;

    fn outage(service: &str, kind: &str, waiting: u64, error: &str) -> Outage {
        let report = OutageReport { since: 1_771_326_000_999, waiting, error: error.to_owned() };
        Outage { service: service.to_owned(), kind: kind.to_owned(), report }
    }

    #[test]
    fn a_mail_server_that_is_down_is_named_with_since_when_how_many_wait_and_why() {
        let outcome = notifications_ready(&[
            outage("notification", "email", 12, "SMTP mail.example:1025: connection refused"),
            outage("notification", "sms", 1, "Twilio error 20003"),
            outage("payment", "charge", 3, "no answer in time"),
        ]);
        let message = "email: 12 messages wait since 2026-02-17T11:00:00Z: SMTP mail.example:1025: connection refused; \
                       sms: 1 message waits since 2026-02-17T11:00:00Z: Twilio error 20003; \
                       each is tried again for 24 hours";
        assert_eq!(outcome, Outcome::no(reason::PROVIDER_UNAVAILABLE, message));
    }

    #[test]
    fn without_an_outage_nothing_waits() {
        assert!(notifications_ready(&[]).is_true());
    }
}
