//! What the services answered, as one answer.

use kit::dead_letters::{Accepted, Cause, Causes, DeadLetter, Discarded, MAX_CAUSES};
use kit::paging::{List, Listing, Position, Window};
use serde::Serialize;
use utoipa::ToSchema;

use super::parts::{Answers, Part, PartError};

/// A service whose part is missing in the answer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeadLettersMissing)]
pub(super) struct Missing {
    service: &'static str,
    /// Why, for people.
    detail: String,
}

/// A dead letter, and whose it is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ServiceDeadLetter)]
pub(super) struct OfService {
    /// Service that keeps it.
    service: &'static str,
    /// Where it is shown in full; `/redrive` and `/discard` below it handle it.
    path: String,
    #[serde(flatten)]
    letter: DeadLetter,
}

/// A part of the list of all services' dead letters.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MergedDeadLetters {
    /// Newest first.
    data: Vec<OfService>,
    /// Pass it as `cursor` to get what follows; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next_cursor: Option<String>,
    /// Services that did not answer: what they keep is missing in `data`.
    failed: Vec<Missing>,
}

/// What waits for a cause, and where.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ServiceDeadLetterCause)]
pub(super) struct CauseOfService {
    /// Service that keeps them.
    service: &'static str,
    #[serde(flatten)]
    cause: Cause,
}

/// What waits at all services, by cause.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MergedDeadLetterCauses)]
pub(super) struct MergedCauses {
    /// Most first.
    data: Vec<CauseOfService>,
    /// Services that did not answer: what they keep is missing in `data`.
    failed: Vec<Missing>,
}

/// How many redrives a service was asked for.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ServiceDeadLettersAccepted)]
pub(super) struct AcceptedByService {
    service: &'static str,
    accepted: u64,
}

/// How many redrives were asked for.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MergedDeadLettersAccepted)]
pub(super) struct MergedAccepted {
    /// Of all services together.
    accepted: u64,
    /// Of each.
    services: Vec<AcceptedByService>,
    /// Services that did not answer; whether they redrive anything is not known.
    failed: Vec<Missing>,
}

/// How many dead letters a service discarded.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ServiceDeadLettersDiscarded)]
pub(super) struct DiscardedByService {
    service: &'static str,
    discarded: u64,
}

/// How many dead letters were discarded.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MergedDeadLettersDiscarded)]
pub(super) struct MergedDiscarded {
    /// Of all services together.
    discarded: u64,
    /// Of each.
    services: Vec<DiscardedByService>,
    /// Services that did not answer; whether they discarded anything is not known.
    failed: Vec<Missing>,
}

impl MergedDeadLetters {
    /// The part of `list` that `window` asks for, of such a part of each service's own list.
    pub(super) fn of(list: &List, window: &Window, answers: Answers<Listing<DeadLetter>>) -> Self {
        let more = answers.answered.iter().any(|(_, part)| part.next_cursor.is_some());
        let letters = answers.answered.into_iter().flat_map(|(Part { service, path }, listing)| {
            let place = move |letter: DeadLetter| OfService {
                service,
                path: format!("{path}/{}", letter.id),
                letter,
            };
            listing.data.into_iter().map(place)
        });
        let mut data: Vec<OfService> = letters.collect();
        data.sort_by_key(|of| std::cmp::Reverse((of.letter.created_at, of.letter.id)));
        let limit = usize::try_from(window.limit).unwrap_or(usize::MAX);
        let more = more || data.len() > limit;
        data.truncate(limit);
        let position = |of: &OfService| Position::at(of.letter.created_at.get(), of.letter.id);
        let next_cursor = data.last().filter(|_| more).map(|last| list.cursor(&position(last)));
        Self { data, next_cursor, failed: missing(answers.failed) }
    }
}

impl From<Answers<Causes>> for MergedCauses {
    fn from(answers: Answers<Causes>) -> Self {
        let causes = answers.answered.into_iter().flat_map(|(Part { service, .. }, causes)| {
            causes.data.into_iter().map(move |cause| CauseOfService { service, cause })
        });
        let mut data: Vec<CauseOfService> = causes.collect();
        data.sort_by_key(|of| std::cmp::Reverse(of.cause.count));
        data.truncate(MAX_CAUSES);
        Self { data, failed: missing(answers.failed) }
    }
}

impl From<Answers<Accepted>> for MergedAccepted {
    fn from(answers: Answers<Accepted>) -> Self {
        let counted = |(part, Accepted { accepted }): (Part, Accepted)| AcceptedByService {
            service: part.service,
            accepted,
        };
        let services: Vec<AcceptedByService> = answers.answered.into_iter().map(counted).collect();
        let accepted = services.iter().map(|of| of.accepted).sum();
        Self { accepted, services, failed: missing(answers.failed) }
    }
}

impl From<Answers<Discarded>> for MergedDiscarded {
    fn from(answers: Answers<Discarded>) -> Self {
        let counted = |(part, Discarded { discarded }): (Part, Discarded)| DiscardedByService {
            service: part.service,
            discarded,
        };
        let services: Vec<DiscardedByService> = answers.answered.into_iter().map(counted).collect();
        let discarded = services.iter().map(|of| of.discarded).sum();
        Self { discarded, services, failed: missing(answers.failed) }
    }
}

fn missing(failed: Vec<(Part, PartError)>) -> Vec<Missing> {
    let named =
        |(part, error): (Part, PartError)| Missing { service: part.service, detail: format!("{error}.") };
    failed.into_iter().map(named).collect()
}
