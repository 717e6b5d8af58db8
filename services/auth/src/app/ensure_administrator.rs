//! The first administrator.

use secrecy::{ExposeSecret, SecretString};

use super::{Auth, Error};
use crate::domain::password::{MAX_BYTES, MIN_CHARACTERS};
use crate::domain::{Email, NewUser, PersonName, Role, Violation};
use crate::store::users;

impl Auth {
    /// Opens the administrator's account unless its address is registered already: a password changed since is never
    /// reset, and an account that somebody else opened under the address is never promoted.
    pub async fn ensure_administrator(&self, email: &str, password: SecretString) -> Result<(), Error> {
        let invalid = |violation: Violation| Error::Invalid(vec![violation]);
        let email = Email::parse(email).map_err(invalid)?;
        let length = password.expose_secret().chars().count();
        if length < MIN_CHARACTERS || password.expose_secret().len() > MAX_BYTES {
            let message =
                "the administrator's password must have at least 8 characters and at most 1024 bytes";
            return Err(invalid(Violation::new("password", "length", message)));
        }
        let new = NewUser {
            email,
            password,
            first_name: PersonName::parse("first_name", "Platform").map_err(invalid)?,
            last_name: PersonName::parse("last_name", "Administrator").map_err(invalid)?,
            phone: None,
        };
        let mut transaction = self.begin().await?;
        if let Some(existing) = users::credentials(&mut transaction, new.email.as_str()).await? {
            if existing.user.role != Role::Admin {
                tracing::warn!(user.id = %existing.user.id, "the administrator's address belongs to an account of another role");
            }
            return Ok(());
        }
        let hash = self.passwords.hash(new.password.expose_secret().to_owned()).await?;
        // Another replica may have been faster; then there is nothing left to do.
        if let Some(user) = self.add_user(&mut transaction, &new, &hash, Role::Admin).await? {
            transaction.commit().await?;
            tracing::info!(user.id = %user.id, "administrator's account opened");
        }
        Ok(())
    }
}
