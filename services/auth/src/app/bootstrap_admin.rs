//! The first administrator.

use kit::auth::Revocation;
use kit::database::Transaction;
use kit::validation::FieldErrors;
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::{Auth, Error, aggregate, updated};
use crate::domain::password::{MAX_BYTES, MIN_CHARACTERS};
use crate::domain::session::EndReason;
use crate::domain::{Email, NewUser, PersonName, Role};
use crate::passwords::Lane;
use crate::store::users::{self, Changed};
use crate::store::{bootstrap, sessions};

impl Auth {
    /// Opens the first administrator's account, once in the life of a platform: neither a deactivated and purged
    /// administrator nor another address in the files makes it happen again. Table `bootstrap` remembers it.
    ///
    /// An operator who deletes that row asks for it again. Then the account of the address, if it is an administrator's,
    /// gets the password; an account of another role is never promoted.
    pub(crate) async fn open_bootstrap_admin(
        &self,
        email: &str,
        password: SecretString,
    ) -> Result<(), Error> {
        let new = bootstrap_admin(email, password).map_err(Error::Invalid)?;
        if bootstrap::is_done(&self.database).await? {
            return Ok(());
        }
        let password = new.password.expose_secret().to_owned();
        let hash = self.passwords.hash(Lane::Registration, password).await?;
        let mut transaction = self.database.begin().await?;
        // Another replica may have been faster; then there is nothing left to do.
        if !bootstrap::begin(&mut transaction, self.now()).await? {
            return Ok(());
        }
        match users::lock_by_email(&mut transaction, &new.email).await? {
            None => self.open(transaction, &new, &hash).await,
            Some(user) if user.role == Role::Admin => self.recover(transaction, user.id, &hash).await,
            Some(user) => {
                tracing::error!(
                    user.id = %user.id, user.role = %user.role,
                    "the first administrator's address belongs to an account of another role, which is not promoted"
                );
                Ok(())
            }
        }
    }

    async fn open(&self, mut transaction: Transaction, new: &NewUser, hash: &str) -> Result<(), Error> {
        let user = self.add_user(&mut transaction, new, hash, Role::Admin).await?;
        // Registered at this moment: the next try finds the account.
        let user = user.ok_or(Error::EmailTaken)?;
        bootstrap::finish(&mut transaction, user.id).await?;
        transaction.commit().await?;
        tracing::warn!(user.id = %user.id, "first administrator's account opened");
        Ok(())
    }

    async fn recover(&self, mut transaction: Transaction, id: Uuid, hash: &str) -> Result<(), Error> {
        let (now, revocation) = (self.now(), Revocation::User(id));
        let Changed { user, revoked_at } = users::recover(&mut transaction, id, hash, now).await?;
        sessions::end_all(&mut transaction, id, EndReason::Revoked, now).await?;
        self.record(&mut transaction, revocation, revoked_at).await?;
        transaction.publish(aggregate(&user), user.updated_at, &updated(&user))?;
        bootstrap::finish(&mut transaction, id).await?;
        transaction.commit().await?;
        self.enforce(revocation, revoked_at);
        tracing::warn!(user.id = %id, "administrator's account recovered with the password of the files");
        Ok(())
    }
}

fn bootstrap_admin(email: &str, password: SecretString) -> Result<NewUser, FieldErrors> {
    let length = password.expose_secret().chars().count();
    if length < MIN_CHARACTERS || password.expose_secret().len() > MAX_BYTES {
        let message = "the administrator's password must have at least 8 characters and at most 1024 bytes";
        return Err(FieldErrors::one("password", "length", message));
    }
    Ok(NewUser {
        email: Email::parse(email)?,
        password,
        first_name: PersonName::parse("first_name", "Platform")?,
        last_name: PersonName::parse("last_name", "Administrator")?,
        phone: None,
    })
}
