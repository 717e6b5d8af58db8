//! Which password schemes accounts have: what an unknown address costs depends on it.

use std::time::Duration;

use kit::lifecycle::Shutdown;

use crate::app::Auth;

/// Accounts of another scheme come with an import, and go with their sign-ins.
const EVERY: Duration = Duration::from_mins(1);

/// Looks which schemes there are, until shutdown.
pub(crate) async fn follow_schemes(auth: Auth, shutdown: Shutdown) -> anyhow::Result<()> {
    loop {
        auth.load_password_schemes().await?;
        if !shutdown.sleep(EVERY).await {
            return Ok(());
        }
    }
}
