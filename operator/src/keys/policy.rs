//! What should happen to a keyring now: one pure function, with the clock as a parameter.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use protocol::keyring::Algorithm;

use super::keyring::{Key, Keyring, State};

/// What the platform resource asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Algorithm of new keys; another one than the active key's means a rotation.
    pub algorithm: Algorithm,
    /// Age, since it began to sign, at which a key is replaced.
    pub rotate_every: Duration,
    /// How long a new key is published before it signs, whatever the pods report: third parties cache the public set.
    pub publish_at_least: Duration,
    /// Longest life of an access token that is signed from now on.
    pub longest_token_life: Duration,
    /// Added to that life before a retired key goes: differences between clocks, and the time in which a signer that
    /// has not reloaded yet goes on with the old key.
    pub skew: Duration,
    /// Keys that leaked.
    pub revoked: BTreeSet<String>,
    /// Keys that stay although their time is over, see [`super::tokens::keys_in_use`]: after an outage of the operator,
    /// services may still hold tokens that it has not renewed yet.
    pub in_use: BTreeSet<String>,
    /// Value of the annotation that asks for a rotation; a value not seen before is a new request.
    pub rotation_request: Option<String>,
}

impl Default for Policy {
    /// EdDSA, 90 days, tokens of an hour.
    fn default() -> Self {
        Self {
            algorithm: Algorithm::EdDSA,
            rotate_every: Duration::from_hours(90 * 24),
            publish_at_least: Duration::from_secs(10),
            longest_token_life: Duration::from_hours(1),
            skew: Duration::from_mins(5),
            revoked: BTreeSet::new(),
            in_use: BTreeSet::new(),
            rotation_request: None,
        }
    }
}

/// Which keys each ready pod has loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Adoption {
    /// The pods or their reports could not be asked for: nothing is promoted on a guess.
    Unknown,
    /// Each ready pod, with the keys that it reported; a pod without a report has none.
    Known(BTreeMap<String, BTreeSet<String>>),
}

/// One change of a keyring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Makes a pending key of the policy's algorithm.
    Create,
    /// Makes a key that signs at once: the active one leaked, and nothing waits to replace it.
    CreateActive,
    /// The pending key signs, the active one retires.
    Promote {
        /// The pending key.
        kid: String,
    },
    /// Notes that the active key now signs longer-lived tokens.
    Extend {
        /// The active key.
        kid: String,
    },
    /// The key is gone, and with it every token that it signed.
    Remove {
        /// The key.
        kid: String,
        /// Why.
        because: Removal,
    },
}

/// Why a key is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// It leaked.
    Revoked,
    /// No token that it signed can still be valid.
    Expired,
    /// It waited to sign, but another algorithm is wanted by now; it never signed.
    Superseded,
}

/// A keyring should be there and is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signing keys are lost; new ones would end every session, so somebody must ask for them")]
pub struct Lost;

/// Whether a missing keyring may be made: the first time, or when a person said so. Never because it was lost.
pub const fn may_create(existed_before: bool, recreation_requested: bool) -> Result<(), Lost> {
    if existed_before && !recreation_requested { Err(Lost) } else { Ok(()) }
}

/// The changes due at `now`, in order; none when nothing is due. Whoever carries them out asks again afterwards.
pub fn next(policy: &Policy, keyring: &Keyring, adoption: &Adoption, now: Timestamp) -> Vec<Action> {
    let mut actions = Vec::new();
    let sound: Vec<&Key> = keyring.keys().iter().filter(|key| !policy.revoked.contains(&key.kid)).collect();
    let waiting = sound.iter().find(|key| key.state == State::Pending && key.algorithm == policy.algorithm);

    if sound.iter().any(|key| key.state == State::Active) {
        actions.extend(rotation(policy, keyring, waiting.copied(), adoption, now));
    } else {
        // Waiting for adoption would mean signing with a leaked key, or not at all.
        actions.push(match waiting {
            Some(key) => promote(key),
            None => Action::CreateActive,
        });
    }
    actions.extend(longer_life(policy, keyring));
    actions.extend(removals(policy, keyring, waiting.copied(), now));
    actions
}

/// When [`next`] may have something to do even if nothing else changes.
pub fn next_change(policy: &Policy, keyring: &Keyring) -> Timestamp {
    let rotation = next_rotation(policy, keyring);
    let promotions = keyring
        .keys()
        .iter()
        .filter(|key| key.state == State::Pending)
        .map(|key| later(key.created_at, policy.publish_at_least));
    let removals = keyring.keys().iter().filter_map(|key| expiry(policy, key));
    promotions.chain(removals).fold(rotation, Timestamp::min)
}

/// When the active key becomes due by age.
pub fn next_rotation(policy: &Policy, keyring: &Keyring) -> Timestamp {
    let active = keyring.active();
    later(active.activated_at.unwrap_or(active.created_at), policy.rotate_every)
}

impl Adoption {
    /// Joins the ready pods with the reports; reports of other pods do not count.
    pub fn of(
        ready_pods: impl IntoIterator<Item = String>,
        reports: &BTreeMap<String, BTreeSet<String>>,
    ) -> Self {
        let known = ready_pods.into_iter().map(|pod| {
            let loaded = reports.get(&pod).cloned().unwrap_or_default();
            (pod, loaded)
        });
        Self::Known(known.collect())
    }

    /// The ready pods that have not loaded the key; `None` when nobody could be asked.
    pub fn waiting_for(&self, kid: &str) -> Option<Vec<&str>> {
        match self {
            Self::Unknown => None,
            Self::Known(pods) => Some(
                pods.iter()
                    .filter(|(_, loaded)| !loaded.contains(kid))
                    .map(|(pod, _)| pod.as_str())
                    .collect(),
            ),
        }
    }

    fn complete(&self, kid: &str) -> bool {
        self.waiting_for(kid).is_some_and(|pods| pods.is_empty())
    }
}

/// Promotes what is ready, else makes a key if one is due.
fn rotation(
    policy: &Policy,
    keyring: &Keyring,
    waiting: Option<&Key>,
    adoption: &Adoption,
    now: Timestamp,
) -> Option<Action> {
    match waiting {
        Some(key) => {
            let published = now >= later(key.created_at, policy.publish_at_least);
            (published && adoption.complete(&key.kid)).then(|| promote(key))
        }
        None => due(policy, keyring, now).then_some(Action::Create),
    }
}

fn due(policy: &Policy, keyring: &Keyring, now: Timestamp) -> bool {
    let aged = now >= next_rotation(policy, keyring);
    let requested =
        policy.rotation_request.is_some() && policy.rotation_request.as_deref() != keyring.rotation_request();
    let another_algorithm = keyring.active().algorithm != policy.algorithm;
    // A request that was answered by a pending key of another algorithm still deserves its answer.
    let unanswered = keyring.keys().iter().any(|key| key.state == State::Pending);
    aged || requested || another_algorithm || unanswered
}

fn longer_life(policy: &Policy, keyring: &Keyring) -> Option<Action> {
    let active = keyring.active();
    let longer = policy.longest_token_life.as_secs() > active.token_life_seconds;
    (longer && !policy.revoked.contains(&active.kid)).then(|| Action::Extend { kid: active.kid.clone() })
}

fn removals<'a>(
    policy: &'a Policy,
    keyring: &'a Keyring,
    waiting: Option<&'a Key>,
    now: Timestamp,
) -> impl Iterator<Item = Action> + 'a {
    keyring.keys().iter().filter_map(move |key| {
        let because = if policy.revoked.contains(&key.kid) {
            Removal::Revoked
        } else if key.state == State::Pending && waiting.is_none_or(|kept| kept.kid != key.kid) {
            Removal::Superseded
        } else if expiry(policy, key).is_some_and(|end| now >= end) && !policy.in_use.contains(&key.kid) {
            Removal::Expired
        } else {
            return None;
        };
        Some(Action::Remove { kid: key.kid.clone(), because })
    })
}

/// When no token of a retiring key can still be valid.
fn expiry(policy: &Policy, key: &Key) -> Option<Timestamp> {
    if key.state != State::Retiring {
        return None;
    }
    let life = policy.longest_token_life.max(Duration::from_secs(key.token_life_seconds));
    // Without the date nobody knows which of its tokens are still out, so the key stays.
    let retired_at = key.retired_at?;
    Some(later(retired_at, life.saturating_add(policy.skew)))
}

fn promote(key: &Key) -> Action {
    Action::Promote { kid: key.kid.clone() }
}

/// `from` plus `by`, or the end of time.
fn later(from: Timestamp, by: Duration) -> Timestamp {
    SignedDuration::try_from(by).ok().and_then(|by| from.checked_add(by).ok()).unwrap_or(Timestamp::MAX)
}
