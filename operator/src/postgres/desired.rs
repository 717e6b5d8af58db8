//! What the server should hold.

use std::collections::BTreeSet;

use secrecy::SecretString;

use super::logins::{Logins, Slot};

/// Every database of a platform.
#[derive(Debug, Clone)]
pub struct Desired {
    /// Written on roles and databases as their comment, to tell a platform's own from everybody else's.
    pub mark: String,
    /// One a service that has a database.
    pub databases: Vec<DatabaseSpec>,
    /// Databases that the platform has had: one of them that vanished is not silently made again, empty.
    pub existed: BTreeSet<String>,
}

/// A service's database and roles.
#[derive(Debug, Clone)]
pub struct DatabaseSpec {
    /// Name of the service and of the database.
    pub service: String,
    /// Password of the role that runs migrations.
    pub owner_password: SecretString,
    /// Login of the running service.
    pub logins: Logins,
}

/// How a login role should be.
#[derive(Debug, Clone)]
pub enum Login {
    /// It logs in with this password.
    Password(SecretString),
    /// It goes on with the password that it has, for pods that still use it.
    Unchanged,
    /// It cannot log in.
    Locked,
}

/// A role as it should be.
#[derive(Debug, Clone)]
pub(super) struct RoleSpec {
    pub(super) name: String,
    pub(super) login: Login,
    /// The only role that it is a member of.
    pub(super) member_of: Option<String>,
}

impl Desired {
    /// The databases of the topology; `secrets` gives a service's owner password and logins, `None` where they are lost.
    /// A service without them is left out, and with that left alone.
    pub fn from_topology(
        mark: impl Into<String>,
        mut secrets: impl FnMut(&'static topology::Service) -> Option<(SecretString, Logins)>,
    ) -> Self {
        let databases = topology::SERVICES.iter().filter(|service| service.database).filter_map(|service| {
            let (owner_password, logins) = secrets(service)?;
            Some(DatabaseSpec { service: service.name.to_owned(), owner_password, logins })
        });
        Self { mark: mark.into(), databases: databases.collect(), existed: BTreeSet::new() }
    }

    pub(super) fn roles(&self) -> impl Iterator<Item = RoleSpec> + '_ {
        self.databases.iter().flat_map(DatabaseSpec::roles)
    }
}

impl DatabaseSpec {
    /// Name of the database.
    pub fn name(&self) -> &str {
        &self.service
    }

    /// Role that owns the database and runs migrations.
    pub fn owner(&self) -> String {
        owner(&self.service)
    }

    /// Group with the rights of the running service.
    pub fn app(&self) -> String {
        app(&self.service)
    }

    /// Role that the running service logs in with.
    pub fn login(&self) -> String {
        self.logins.active.role(&self.service)
    }

    pub(super) fn roles(&self) -> Vec<RoleSpec> {
        let mut roles = vec![
            RoleSpec {
                name: self.owner(),
                login: Login::Password(self.owner_password.clone()),
                member_of: None,
            },
            RoleSpec { name: self.app(), login: Login::Locked, member_of: None },
        ];
        for slot in Slot::ALL {
            let login = if slot == self.logins.active {
                Login::Password(self.logins.password.clone())
            } else if self.logins.previous_until.is_some() {
                Login::Unchanged
            } else {
                Login::Locked
            };
            roles.push(RoleSpec { name: slot.role(&self.service), login, member_of: Some(self.app()) });
        }
        roles
    }
}

pub(super) fn owner(service: &str) -> String {
    format!("{service}_owner")
}

pub(super) fn app(service: &str) -> String {
    format!("{service}_app")
}

/// Every role of a service, the owner of its database last.
pub(super) fn roles_of(service: &str) -> [String; 4] {
    let [a, b] = Slot::ALL.map(|slot| slot.role(service));
    [app(service), a, b, owner(service)]
}
