//! Work beside the requests.

mod bootstrap_admin;
mod password_schemes;
mod retention;
mod revocation_relay;

use std::path::PathBuf;

use kit::service::Start;

use crate::app::Auth;

/// Adds all of it to the service.
pub(crate) fn start(start: &mut Start, auth: &Auth, admin_dir: PathBuf) {
    if let Some(jetstream) = start.jetstream.clone() {
        let relay = revocation_relay::RevocationRelay::new(auth.clone(), jetstream);
        start.task("revocation relay", move |shutdown| relay.clone().run(shutdown));
    }
    start.add(retention::retention(auth));
    let (bootstrap, schemes) = (auth.clone(), auth.clone());
    start.task("bootstrap admin", move |_| {
        bootstrap_admin::open_bootstrap_admin(bootstrap.clone(), admin_dir.clone())
    });
    start.task("password schemes", move |shutdown| {
        password_schemes::follow_schemes(schemes.clone(), shutdown)
    });
}
