//! Merge patches on generated objects, applied last.

use serde_json::Value;

use super::Desired;
use crate::{
    api::{Override, OverrideKind},
    platform::kind::ManagedKind,
};

/// An override cannot be applied.
#[derive(Debug, thiserror::Error)]
pub enum OverrideError {
    /// No generated object has that kind and name.
    #[error("overrides: this platform has no {0:?} named {1}")]
    Unmatched(OverrideKind, String),
    /// The patched object is not one of its kind any more.
    #[error("overrides: {0:?} {1} is not one any more after the patch")]
    Broken(OverrideKind, String, #[source] serde_json::Error),
    /// The patch would move the object away from the operator.
    #[error("overrides: {0:?} {1}: name, namespace, labels and owners cannot be patched")]
    Identity(OverrideKind, String),
}

/// Applies every override to its object.
pub(super) fn apply(overrides: &[Override], desired: &mut Desired) -> Result<(), OverrideError> {
    for one in overrides {
        match one.kind {
            OverrideKind::Deployment => patch(one, &mut desired.deployments)?,
            OverrideKind::StatefulSet => patch(one, &mut desired.stateful_sets)?,
            OverrideKind::Service => patch(one, &mut desired.services)?,
            OverrideKind::PodDisruptionBudget => patch(one, &mut desired.disruption_budgets)?,
        }
    }
    Ok(())
}

fn patch<K: ManagedKind>(one: &Override, objects: &mut [K]) -> Result<(), OverrideError> {
    let named = |object: &&mut K| object.meta().name.as_ref() == Some(&one.name);
    let object =
        objects.iter_mut().find(named).ok_or_else(|| OverrideError::Unmatched(one.kind, one.name.clone()))?;
    let broken = |error| OverrideError::Broken(one.kind, one.name.clone(), error);
    let before = object.meta().clone();
    let mut value: Value = serde_json::to_value(&*object).map_err(broken)?;
    json_patch::merge(&mut value, &one.patch);
    let patched: K = serde_json::from_value(value).map_err(broken)?;
    let after = patched.meta();
    let same = (&before.name, &before.namespace, &before.owner_references)
        == (&after.name, &after.namespace, &after.owner_references);
    let kept = before
        .labels
        .iter()
        .flatten()
        .all(|(key, label)| after.labels.as_ref().and_then(|labels| labels.get(key)) == Some(label));
    if !same || !kept {
        return Err(OverrideError::Identity(one.kind, one.name.clone()));
    }
    *object = patched;
    Ok(())
}
