//! Fifth step: what to say about a platform. Pure; the patch is `None` when nothing changed.

mod notifications;
mod parts;
mod patch;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::ResourceExt as _;

pub use patch::status_patch;

use super::{apply::Applied, endpoints, failure::Failure, keys::Keys, resolve::Platform, servers::Servers};
use crate::api::{
    ANNOTATION_RECREATE_DATABASES, ANNOTATION_RECREATE_KEYS, ConditionType, Endpoints, Outcome,
    PlatformStatus, ShopFlowPlatform, reason,
};

/// What a reconcile came to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Findings<'a> {
    /// What is asked for, if that is possible.
    pub platform: Option<&'a Platform>,
    /// What PostgreSQL and NATS said.
    pub servers: Option<&'a Servers>,
    /// Keys as they shall be.
    pub keys: Option<&'a Keys>,
    /// What was applied, or would have been.
    pub applied: Option<&'a Applied>,
    /// What could not be done.
    pub failures: &'a [Failure],
    /// When calls between services begin to fail, where tokens are not renewed.
    pub tokens_end: Option<Timestamp>,
}

impl<'a> Findings<'a> {
    /// The keys, if they are written down. Others are made anew by the next reconcile, so to speak of them
    /// would change the status each time, and have them missed as lost.
    fn kept_keys(&self) -> Option<&'a Keys> {
        let suspended = self.platform.is_some_and(|platform| platform.suspended);
        let kept = self.applied.is_some_and(|applied| !suspended || applied.changes == 0);
        self.keys.filter(|_| kept)
    }
}

impl Transition {
    /// What an event says of it: at most 1024 bytes, since the API server refuses longer ones.
    pub fn note(&self) -> String {
        const LONGEST: usize = 1024;
        const CUT: &str = "…";
        let Self { type_, outcome } = self;
        let mut note = format!("{} is {}: {}", type_.name(), outcome.status_text(), outcome.message);
        if note.len() > LONGEST {
            note.truncate(note.floor_char_boundary(LONGEST - CUT.len()));
            note.push_str(CUT);
        }
        note
    }

    /// Whether it is for those who look for what is wrong, and not only for what happened.
    pub fn is_warning(&self) -> bool {
        /// On the way, by itself.
        const PASSING: [&str; 7] = [
            reason::STARTING,
            reason::MIGRATING,
            reason::REPAIRING,
            reason::PODS_NOT_READY,
            reason::PROGRESSING,
            reason::CHANGES_WAIT,
            reason::SINGLE_SERVER,
        ];
        match self.type_ {
            ConditionType::Stalled => self.outcome.is_true(),
            ConditionType::Reconciling | ConditionType::Suspended | ConditionType::UpgradeAvailable => false,
            _ => self.outcome.status == Some(false) && !PASSING.contains(&self.outcome.reason),
        }
    }
}

/// A condition that changed, for an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    /// Which.
    pub type_: ConditionType,
    /// What it is now.
    pub outcome: Outcome,
}

/// The status to be, from the last one and what was found. What was not looked at stays as it was said.
pub fn status(
    resource: &ShopFlowPlatform,
    findings: Findings<'_>,
    now: Timestamp,
) -> (PlatformStatus, Vec<Transition>) {
    let last = resource.status.clone().unwrap_or_default();
    let mut status = last.clone();
    status.observed_generation = resource.metadata.generation;
    if let Some(platform) = findings.platform {
        status.endpoints = Some(places(platform));
    }
    if let (Some(platform), Some(applied)) = (findings.platform, findings.applied) {
        status.services = parts::services(platform, applied);
        status.services_ready = Some(parts::services_ready(&status.services));
        let serves = status.services.iter().all(|service| service.reason.is_none());
        if serves && parts::migrations_ready(applied).is_true() {
            status.version = Some(platform.version.clone());
        }
        if !platform.suspended && findings.failures.is_empty() {
            let done = |annotation: &str| resource.annotations().get(annotation).cloned();
            status.recreate_request = done(ANNOTATION_RECREATE_KEYS).or(status.recreate_request);
            if applied.database.done() {
                let done = done(ANNOTATION_RECREATE_DATABASES);
                status.recreate_databases_request = done.or(status.recreate_databases_request);
            }
        }
    }
    if let Some(servers) = findings.servers {
        parts::servers(servers, &mut status);
    }
    if let Some(keys) = findings.kept_keys() {
        parts::keys(keys, &mut status);
    }
    let outcomes = outcomes(findings, &status);
    let transitions = conditions(&last, &mut status, &outcomes, now);
    (status, transitions)
}

fn places(platform: &Platform) -> Endpoints {
    let (host, port) = endpoints::postgres(platform);
    let inside = |name: &str, port: u16| format!("http://{name}.{}.svc:{port}", platform.namespace);
    let url =
        |name: &str| topology::service(name).map_or_else(String::new, |service| inside(name, service.port));
    Endpoints {
        api: url("gateway"),
        issuer: platform.issuer.clone(),
        jwks: format!("{}/.well-known/jwks.json", url("auth")),
        postgres: format!("{host}:{port}"),
        nats: endpoints::nats_url(platform),
    }
}

/// Every condition for which something is known now.
fn outcomes(findings: Findings<'_>, status: &PlatformStatus) -> Vec<(ConditionType, Outcome)> {
    let mut outcomes = vec![
        (ConditionType::Stalled, stalled(findings)),
        (ConditionType::EdgeReady, parts::edge_ready(findings.platform)),
    ];
    if let Some(platform) = findings.platform {
        outcomes.push((ConditionType::Suspended, suspended(platform, findings)));
        outcomes.push((ConditionType::Durable, parts::durable(platform)));
        outcomes.push((ConditionType::UpgradeAvailable, upgrade(platform)));
    }
    if let Some(servers) = findings.servers {
        outcomes.push((
            ConditionType::DatabasesReady,
            parts::databases_ready(findings.platform, servers, findings.applied),
        ));
        outcomes.push((
            ConditionType::MessagingReady,
            parts::messaging_ready(findings.platform, servers, findings.applied),
        ));
    }
    if let Some(outages) = findings.servers.and_then(|servers| servers.outages.as_ref()) {
        outcomes.push((ConditionType::NotificationsReady, notifications::notifications_ready(outages)));
    }
    if let Some(keys) = findings.kept_keys() {
        outcomes.push((ConditionType::KeysReady, parts::keys_ready(keys)));
    }
    if let (Some(_), Some(applied)) = (findings.platform, findings.applied) {
        outcomes.push((ConditionType::MigrationsReady, parts::migrations_ready(applied)));
        outcomes.push((ConditionType::ServicesReady, parts::services_condition(&status.services)));
    }
    let ready = ready(findings, &outcomes);
    outcomes.push((ConditionType::Reconciling, reconciling(&outcomes, &ready)));
    outcomes.push((ConditionType::Ready, ready));
    outcomes
}

fn stalled(findings: Findings<'_>) -> Outcome {
    let failure = findings.failures.iter().find(|failure| failure.terminal);
    let failure = failure.map(|failure| Outcome::yes(failure.reason, failure.message.clone()));
    let migration = findings.applied.map(parts::migrations_ready);
    let migration = migration
        .filter(|outcome| outcome.reason == reason::MIGRATION_FAILED)
        .map(|failed| Outcome::yes(reason::MIGRATION_FAILED, failed.message));
    let stalled = failure.or(migration).or_else(|| findings.servers.and_then(parts::conflict));
    match stalled {
        Some(stalled) => Outcome { message: with_deadline(stalled.message, findings), ..stalled },
        None => Outcome::no(reason::NOTHING_WRONG, "no person is needed"),
    }
}

fn suspended(platform: &Platform, findings: Findings<'_>) -> Outcome {
    if !platform.suspended {
        return Outcome::no(reason::NOT_SUSPENDED, "changes are carried out");
    }
    let (reason, message) = match findings.applied.map(|applied| applied.changes) {
        None | Some(0) => (reason::SUSPENDED, "nothing is changed, and nothing waits to be".to_owned()),
        Some(waiting) => {
            (reason::CHANGES_WAIT, format!("{waiting} changes wait until spec.suspend is removed"))
        }
    };
    Outcome::yes(reason, with_deadline(message, findings))
}

/// Says how long that may go on.
fn with_deadline(message: String, findings: Findings<'_>) -> String {
    match findings.tokens_end {
        Some(end) => format!(
            "{message}. Service tokens are not renewed meanwhile: calls between services fail from {} on",
            PlatformStatus::time(end)
        ),
        None => message,
    }
}

fn upgrade(platform: &Platform) -> Outcome {
    match &platform.upgrade {
        Some(newer) => Outcome::yes(
            reason::NEWER_RELEASE,
            format!(
                "release {} runs; set spec.version to {newer} to take up the operator's own",
                platform.version
            ),
        ),
        None => Outcome::no(reason::UP_TO_DATE, format!("release {} is as declared", platform.version)),
    }
}

/// The summary: the first part that is not as it should be, in the order in which they depend on each other.
fn ready(findings: Findings<'_>, outcomes: &[(ConditionType, Outcome)]) -> Outcome {
    const PARTS: [ConditionType; 5] = [
        ConditionType::DatabasesReady,
        ConditionType::MessagingReady,
        ConditionType::KeysReady,
        ConditionType::MigrationsReady,
        ConditionType::ServicesReady,
    ];
    let terminal = findings.failures.iter().find(|failure| failure.terminal);
    if let Some(failure) = terminal.or(findings.failures.first()) {
        return Outcome::no(failure.reason, failure.message.clone());
    }
    let find = |wanted| outcomes.iter().find(|(type_, _)| *type_ == wanted).map(|(_, outcome)| outcome);
    // Before the parts: they cannot become as declared until then, whatever they say.
    if let Some(waiting) = find(ConditionType::Suspended).filter(|one| one.reason == reason::CHANGES_WAIT) {
        return Outcome::no(waiting.reason, waiting.message.clone());
    }
    for part in PARTS {
        match find(part) {
            Some(outcome) if outcome.is_true() => {}
            Some(outcome) => {
                return Outcome::no(outcome.reason, format!("{}: {}", part.name(), outcome.message));
            }
            None => {
                return Outcome::unknown(reason::NOT_OBSERVED, format!("{} was not looked at", part.name()));
            }
        }
    }
    if let Some(stalled) = find(ConditionType::Stalled).filter(|outcome| outcome.is_true()) {
        return Outcome::no(stalled.reason, stalled.message.clone());
    }
    Outcome::yes(reason::CONVERGED, "the platform is as declared, and serves")
}

/// kstatus: an object that is not ready and not stalled is on its way.
fn reconciling(outcomes: &[(ConditionType, Outcome)], ready: &Outcome) -> Outcome {
    let holds = |wanted| outcomes.iter().any(|(type_, outcome)| *type_ == wanted && outcome.is_true());
    if ready.is_true() {
        Outcome::no(reason::CONVERGED, "nothing is left to do")
    } else if holds(ConditionType::Stalled) || holds(ConditionType::Suspended) {
        Outcome::no(ready.reason, "no progress until that is changed")
    } else {
        Outcome::yes(reason::PROGRESSING, ready.message.clone())
    }
}

/// Writes the conditions into the status; a transition time changes with the status of its condition only.
fn conditions(
    last: &PlatformStatus,
    status: &mut PlatformStatus,
    outcomes: &[(ConditionType, Outcome)],
    now: Timestamp,
) -> Vec<Transition> {
    let mut transitions = Vec::new();
    let mut conditions = Vec::new();
    for type_ in ConditionType::ALL {
        let before = last.condition(type_);
        let found = outcomes.iter().find(|(found, _)| *found == type_).map(|(_, outcome)| outcome.clone());
        let outcome = match (found, before) {
            (Some(outcome), _) => outcome,
            (None, Some(before)) => {
                conditions.push(before.clone());
                continue;
            }
            (None, None) => Outcome::unknown(reason::NOT_OBSERVED, "not looked at yet"),
        };
        let same = before.filter(|before| before.status == outcome.status_text());
        conditions.push(Condition {
            type_: type_.name().to_owned(),
            status: outcome.status_text().to_owned(),
            reason: outcome.reason.to_owned(),
            message: outcome.message.clone(),
            observed_generation: status.observed_generation,
            last_transition_time: same
                .map_or_else(|| Time(whole_seconds(now)), |before| before.last_transition_time.clone()),
        });
        if before
            .is_some_and(|before| before.status != outcome.status_text() || before.reason != outcome.reason)
        {
            transitions.push(Transition { type_, outcome });
        }
    }
    status.conditions = conditions;
    transitions
}

/// The API server keeps whole seconds; a fraction would differ from what comes back.
fn whole_seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

#[cfg(test)]
mod tests;
