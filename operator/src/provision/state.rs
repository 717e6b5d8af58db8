//! What must be the same at the next run; Kubernetes keeps it in Secrets.

use std::collections::BTreeSet;

use jiff::Timestamp;
use protocol::administrator;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::files::{self, Files};
use super::{Provision, ProvisionError, with_database};
use crate::keys::Keyring;
use crate::keys::policy::{Adoption, next};
use crate::messaging::Seeds;
use crate::postgres::{DatabaseSpec, Desired, Logins, logins};

/// The mark on roles and databases.
const MARK: &str = "shopflow local";

pub(super) struct State {
    pub(super) nats: Seeds,
    pub(super) keyring: Keyring,
    pub(super) databases: Vec<DatabaseSpec>,
    pub(super) admin_password: SecretString,
}

impl State {
    /// Reads what is there and makes what is not. A file that is there and damaged is an error, never made anew.
    pub(super) fn load_or_create(
        provision: &Provision,
        now: Timestamp,
    ) -> Result<(Self, Files), ProvisionError> {
        let mut files = Files::default();
        let state = Self {
            nats: Self::seeds(provision, &mut files, now)?,
            keyring: Self::keyring(provision, &mut files, now)?,
            databases: Self::databases(provision, &mut files, now)?,
            admin_password: Self::text(provision, &mut files, "admin-password", || {
                Ok(administrator::password(logins::new_password()?.expose_secret()))
            })?,
        };
        Ok((state, files))
    }

    pub(super) fn desired(&self) -> Desired {
        Desired { mark: MARK.to_owned(), databases: self.databases.clone(), existed: BTreeSet::new() }
    }

    fn seeds(provision: &Provision, files: &mut Files, now: Timestamp) -> Result<Seeds, ProvisionError> {
        if let Some(kept) = json(provision, "nats.json")? {
            return Ok(kept);
        }
        let made = Seeds::generate(now)?;
        keep(provision, files, "nats.json", &made)?;
        Ok(made)
    }

    fn keyring(provision: &Provision, files: &mut Files, now: Timestamp) -> Result<Keyring, ProvisionError> {
        let path = provision.state_folder().join("keyring.json");
        let policy = &provision.policy;
        let keyring = match files::read(&path)? {
            None => Keyring::create(&provision.issuer, policy, now)?,
            Some(text) => {
                let kept = Keyring::parse(&text)?;
                // Nothing runs yet, so nobody is waited for.
                let nobody = Adoption::Known(std::collections::BTreeMap::new());
                let actions = next(policy, &kept, &nobody, now);
                kept.after(&actions, policy, now)?
            }
        };
        files.secret(&path, keyring.to_json().expose_secret())?;
        Ok(keyring)
    }

    fn databases(
        provision: &Provision,
        files: &mut Files,
        now: Timestamp,
    ) -> Result<Vec<DatabaseSpec>, ProvisionError> {
        let mut databases = Vec::new();
        for service in with_database() {
            let name = format!("logins-{}.json", service.name);
            let logins = if let Some(kept) = json(provision, &name)? {
                kept
            } else {
                let made = Logins::first(now).map_err(ProvisionError::Password)?;
                keep(provision, files, &name, &made)?;
                made
            };
            let owner = format!("owner-{}", service.name);
            databases.push(DatabaseSpec {
                service: service.name.to_owned(),
                owner_password: Self::text(provision, files, &owner, logins::new_password)?,
                logins,
            });
        }
        Ok(databases)
    }

    fn text(
        provision: &Provision,
        files: &mut Files,
        name: &str,
        new: impl FnOnce() -> Result<SecretString, aws_lc_rs::error::Unspecified>,
    ) -> Result<SecretString, ProvisionError> {
        let path = provision.state_folder().join(name);
        if let Some(kept) = files::read(&path)? {
            return Ok(kept.into());
        }
        let made = new().map_err(ProvisionError::Password)?;
        files.secret(&path, made.expose_secret())?;
        Ok(made)
    }
}

fn json<T: DeserializeOwned>(provision: &Provision, name: &str) -> Result<Option<T>, ProvisionError> {
    let path = provision.state_folder().join(name);
    match files::read(&path)? {
        None => Ok(None),
        Some(text) => {
            serde_json::from_str(&text).map(Some).map_err(|source| ProvisionError::State { path, source })
        }
    }
}

fn keep(
    provision: &Provision,
    files: &mut Files,
    name: &str,
    value: &impl Serialize,
) -> Result<(), ProvisionError> {
    // Strings, numbers and dates always serialise.
    let text = serde_json::to_string(value).unwrap_or_default();
    let path = provision.state_folder().join(name);
    Ok(files.secret(&path, &text)?)
}
