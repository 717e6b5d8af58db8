//! Which password schemes accounts have.

use super::{Auth, Error};
use crate::store::users;

impl Auth {
    /// Looks which schemes there are, so that a sign-in to an unknown address costs what one to any account costs.
    pub(crate) async fn load_password_schemes(&self) -> Result<(), Error> {
        self.passwords.use_schemes(users::schemes(&self.database).await?);
        Ok(())
    }
}
