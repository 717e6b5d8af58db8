//! Third step: what a platform must never lose, as it is stored, and what is due for its keys and tokens. It runs
//! whatever else is wrong, also with a spec that is impossible: a running platform keeps its tokens.

pub mod keys;
pub mod nats;
pub mod stored;

use jiff::Timestamp;

use self::{
    keys::Keys,
    stored::{Secrets, StoredCredentials},
};
use super::{error_text::chain, failure::Failure, gather::Live, resolve::Platform};
use crate::{api::reason, keys::Adoption};

/// What came of the step.
#[derive(Debug, Default)]
pub struct Secured {
    /// Keys, tokens and credentials as they shall be; `None` while the keyring is not known.
    pub keys: Option<Keys>,
    /// When calls between services begin to fail, where tokens are not renewed.
    pub tokens_end: Option<Timestamp>,
    /// What is not known, or could not be made.
    pub failures: Vec<Failure>,
}

/// Does what is due to keys and tokens.
pub fn secure(
    platform: &Platform,
    stored: &StoredCredentials,
    live: &Live,
    adoption: Adoption,
    now: Timestamp,
) -> Secured {
    let secrets = Secrets { live, platform };
    let missing = stored::missing_credentials(platform, live);
    let failure = |error: &stored::CredentialError| Failure::terminal(error.reason(), error.to_string());
    let mut failures: Vec<Failure> = stored.unknown.iter().chain(&missing).map(failure).collect();
    let keys = keys::advance(platform, stored, &secrets, adoption, now).unwrap_or_else(|error| {
        failures.push(Failure::terminal(reason::SECRET_UNREADABLE, chain(&error)));
        None
    });
    let renewed = keys.is_some() && !platform.suspended;
    let tokens_end = if renewed { None } else { keys::tokens_end(platform, &secrets) };
    Secured { keys, tokens_end, failures }
}
