//! Ending one session.

use kit::auth::Revocation;
use uuid::Uuid;

use super::{Auth, Error};
use crate::domain::session::EndReason;
use crate::store::sessions;

impl Auth {
    /// Ends a session of `user`: its refresh tokens are worth nothing at once, its access tokens within seconds.
    pub(crate) async fn end_session(
        &self,
        user: Uuid,
        session: Uuid,
        reason: EndReason,
    ) -> Result<(), Error> {
        let now = self.now();
        let revocation = Revocation::Session(session);
        let mut transaction = self.database.begin().await?;
        if !sessions::end(&mut transaction, session, user, reason, now).await? {
            return Err(Error::SessionNotFound);
        }
        self.record(&mut transaction, revocation, now).await?;
        transaction.commit().await?;
        self.enforce(revocation, now);
        kit::outcome!("session ended", user.id = %user, session.id = %session);
        Ok(())
    }
}
