//! Work beside the requests.

mod administrator;
mod housekeeping;
mod revocations;

pub(crate) use administrator::ensure_administrator;
pub(crate) use housekeeping::keep_house;
pub(crate) use revocations::RevocationRelay;
