//! Work beside the requests.

mod bootstrap_admin;
mod password_schemes;
mod retention;
mod revocation_relay;

pub(crate) use bootstrap_admin::open_bootstrap_admin;
pub(crate) use password_schemes::follow_schemes;
pub(crate) use retention::retention;
pub(crate) use revocation_relay::RevocationRelay;
