//! Writing objects: server-side apply of what differs.

use std::time::Instant;

use kube::{
    Api, Client, Resource, ResourceExt as _,
    api::{DeleteParams, DynamicObject, Patch, PatchParams, PropagationPolicy},
};
use serde_json::{Value, json};

use crate::{
    api::{ANNOTATION_APPLIED, FIELD_MANAGER, reason},
    metrics::Metrics,
    platform::{
        build::hash,
        compare::contains,
        error_text::{chain, is_forbidden},
        failure::Failure,
        kind::{Kept, Kind},
        leadership::{Leadership, NotLeading},
        live::Live,
        resolve::Platform,
    },
};

/// Whether anything is really written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Differences are written.
    Write,
    /// Differences are counted.
    Pretend,
}

/// An object could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The API server refused or failed.
    #[error("cannot write {kind} {name}")]
    Api {
        /// Its kind.
        kind: Kind,
        /// Its name.
        name: String,
        /// What the client reports.
        #[source]
        source: kube::Error,
    },
    /// Somebody else's object has that name.
    #[error("{kind} {name} exists and does not belong to this platform: rename or remove it")]
    Foreign {
        /// Its kind.
        kind: Kind,
        /// Its name.
        name: String,
    },
    /// Somebody changed it since it was read. What it holds cannot be derived again, so it is not overwritten.
    #[error("{kind} {name} was changed by another, and is read again")]
    Changed {
        /// Its kind.
        kind: Kind,
        /// Its name.
        name: String,
    },
    /// Another operator leads.
    #[error("nothing is written any more")]
    NotLeading(#[from] NotLeading),
    /// An object does not serialise.
    #[error("cannot describe {0}")]
    Form(Kind, #[source] serde_json::Error),
}

impl WriteError {
    /// What to say about it.
    pub(crate) fn failure(&self) -> Failure {
        let message = chain(self);
        match self {
            Self::Foreign { .. } => Failure::terminal(reason::NAME_CONFLICT, message),
            Self::Form(..) => Failure::terminal(reason::API_ERROR, message),
            Self::Api { kind: Kind::Claim, name, source } if is_refused(source) => Failure::terminal(
                reason::RESIZE_REFUSED,
                format!(
                    "volume {name} cannot grow: {}. Set the size back to what the volume has, or use a storage class that allows it",
                    chain(source)
                ),
            ),
            Self::Api { source, .. } if is_forbidden(source) => Failure::terminal(reason::FORBIDDEN, message),
            // It understood, and will refuse again.
            Self::Api { source, .. } if is_refused(source) => Failure::terminal(reason::API_ERROR, message),
            Self::Api { .. } | Self::Changed { .. } | Self::NotLeading(_) => {
                Failure::transient(reason::API_ERROR, message)
            }
        }
    }
}

/// Whether the API server understood and will refuse again.
fn is_refused(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if matches!(status.code, 400 | 403 | 422))
}

/// Writes the objects of one platform. What cannot be written is noted, and the rest goes on; only who leads
/// writes at all.
pub struct Writer<'a> {
    client: &'a Client,
    metrics: &'a Metrics,
    leadership: &'a Leadership,
    platform: &'a Platform,
    live: Live,
    mode: Mode,
    writes: usize,
    /// Until when this operator certainly leads, once it was asked.
    leads_until: Option<Instant>,
    errors: Vec<WriteError>,
}

impl<'a> Writer<'a> {
    /// A writer that knows what there is.
    pub fn new(
        client: &'a Client,
        metrics: &'a Metrics,
        leadership: &'a Leadership,
        platform: &'a Platform,
        live: Live,
        mode: Mode,
    ) -> Self {
        let (writes, leads_until, errors) = (0, None, Vec::new());
        Self { client, metrics, leadership, platform, live, mode, writes, leads_until, errors }
    }

    pub(super) const fn mode(&self) -> Mode {
        self.mode
    }

    pub(super) const fn metrics(&self) -> &'a Metrics {
        self.metrics
    }

    pub(super) const fn leadership(&self) -> &'a Leadership {
        self.leadership
    }

    /// Counts changes that are made elsewhere.
    pub(super) const fn note(&mut self, writes: usize) {
        self.writes += writes;
    }

    /// Notes what went wrong.
    pub(super) fn fail(&mut self, error: WriteError) {
        self.errors.push(error);
    }

    /// Every object as it is now, the number of writes, and what could not be written.
    pub(super) fn finish(self) -> (Live, usize, Vec<WriteError>) {
        (self.live, self.writes, self.errors)
    }

    /// Applies objects of one kind; says whether all of them are as they should be.
    pub(super) async fn all<'b, K: Kept + 'b>(&mut self, objects: impl IntoIterator<Item = &'b K>) -> bool {
        let before = self.errors.len();
        for object in objects {
            if let Err(error) = self.one(object).await {
                self.fail(error);
            }
        }
        self.errors.len() == before
    }

    async fn one<K: Kept>(&mut self, object: &K) -> Result<(), WriteError> {
        let kind = K::KIND;
        let name = object.name_any();
        let mut desired = described(object).map_err(|error| WriteError::Form(kind, error))?;
        let live = self.live.raw(kind, &name);
        if live.is_some_and(|live| contains(live, &desired) && same_owners(live, &desired)) {
            return Ok(());
        }
        let version = live.map(|live| live["metadata"]["resourceVersion"].clone());
        self.writes += 1;
        if self.mode == Mode::Pretend {
            return Ok(());
        }
        self.leads().await?;
        let api = self.api(kind);
        let failed = |source| match source {
            kube::Error::Api(status) if status.code == 409 => {
                WriteError::Changed { kind, name: name.clone() }
            }
            source => WriteError::Api { kind, name: name.clone(), source },
        };
        // Keys, passwords and seeds cannot be derived again: those of another operator are never overwritten by
        // what was made from an older look.
        let guarded = kind == Kind::Secret;
        match &version {
            Some(version) if guarded => desired["metadata"]["resourceVersion"] = version.clone(),
            Some(_) => {}
            None => {
                // Not found before: it may be there by now, or be another's without our labels.
                let found = api.get_opt(&name).await.map_err(failed)?;
                let found = found
                    .map(serde_json::to_value)
                    .transpose()
                    .map_err(|error| WriteError::Form(kind, error))?;
                if let Some(found) = found {
                    if Live::is_foreign(&found, self.platform) {
                        return Err(WriteError::Foreign { kind, name });
                    }
                    if guarded {
                        return Err(WriteError::Changed { kind, name });
                    }
                }
            }
        }
        tracing::info!(object.kind = %kind, object.name = name, created = version.is_none(), "applying");
        let parameters = PatchParams::apply(FIELD_MANAGER).force();
        let applied = api.patch(&name, &parameters, &Patch::Apply(&desired)).await.map_err(failed)?;
        self.keep(kind, applied)
    }

    /// Proof that this operator leads, asked for before the first write and whenever it has run out.
    async fn leads(&mut self) -> Result<(), NotLeading> {
        self.leadership.held()?;
        if self.leads_until.is_none_or(|end| Instant::now() >= end) {
            self.leads_until = Some(Instant::now() + self.leadership.proof().await?);
        }
        Ok(())
    }

    /// Sets one annotation. It only hastens what happens anyway, so it is nothing that a person waits for.
    pub(super) async fn annotate<K: Kept>(
        &mut self,
        name: &str,
        key: &str,
        value: &str,
    ) -> Result<(), WriteError> {
        if self.mode == Mode::Pretend {
            return Ok(());
        }
        self.leads().await?;
        self.writes += 1;
        let patch = json!({"metadata": {"annotations": {key: value}}});
        let parameters =
            PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        match self.api(K::KIND).patch(name, &parameters, &Patch::Merge(patch)).await {
            Ok(patched) => self.keep(K::KIND, patched),
            // A pod may go at any time.
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            Err(source) => Err(WriteError::Api { kind: K::KIND, name: name.to_owned(), source }),
        }
    }

    /// Deletes an object, if it still is the one that was read.
    pub(super) async fn delete(&mut self, kind: Kind, name: &str) -> Result<(), WriteError> {
        self.writes += 1;
        if self.mode == Mode::Pretend {
            return Ok(());
        }
        self.leads().await?;
        let uid = self.live.raw(kind, name).and_then(|object| object["metadata"]["uid"].as_str());
        let parameters = DeleteParams {
            propagation_policy: Some(PropagationPolicy::Background),
            preconditions: Some(kube::api::Preconditions {
                uid: uid.map(str::to_owned),
                resource_version: None,
            }),
            ..DeleteParams::default()
        };
        tracing::info!(object.kind = %kind, object.name = name, "deleting what no spec asks for");
        match self.api(kind).delete(name, &parameters).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(()),
            Err(source) => Err(WriteError::Api { kind, name: name.to_owned(), source }),
        }
    }

    fn api(&self, kind: Kind) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), &self.platform.namespace, &kind.resource())
    }

    fn keep(&mut self, kind: Kind, object: DynamicObject) -> Result<(), WriteError> {
        let value = serde_json::to_value(object).map_err(|error| WriteError::Form(kind, error))?;
        self.live.insert(kind, value);
        Ok(())
    }
}

/// The object as it is applied: with its type, and the hash of all that is desired.
fn described<K: Kept>(object: &K) -> Result<Value, serde_json::Error> {
    let mut value = serde_json::to_value(object)?;
    value["apiVersion"] = K::api_version(&()).into();
    value["kind"] = <K as Resource>::kind(&()).into();
    let revision = hash([value.to_string()]);
    value["metadata"]["annotations"][ANNOTATION_APPLIED] = revision.into();
    Ok(value)
}

/// A retained object loses its owner, which a comparison of members cannot see: owners are merged by uid.
fn same_owners(live: &Value, desired: &Value) -> bool {
    let ours = |object: &Value| {
        let owners = object["metadata"]["ownerReferences"].as_array();
        let ours = |owner: &&Value| owner["kind"] == "ShopFlowPlatform";
        owners.map_or(0, |owners| owners.iter().filter(ours).count())
    };
    ours(live) == ours(desired)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;

    use super::*;

    fn map(text: &str) -> ConfigMap {
        ConfigMap { data: Some([("key".to_owned(), text.to_owned())].into()), ..ConfigMap::default() }
    }

    #[test]
    fn what_is_applied_carries_its_hash() {
        let one = described(&map("a")).unwrap();
        assert_eq!(one, described(&map("a")).unwrap());
        let hash = |value: &Value| value["metadata"]["annotations"][ANNOTATION_APPLIED].clone();
        assert_ne!(hash(&one), hash(&described(&map("b")).unwrap()));
        assert_eq!((one["kind"].as_str(), one["apiVersion"].as_str()), (Some("ConfigMap"), Some("v1")));
    }
}
