//! Calls to addresses that users or administrators gave: webhooks, identity providers, push services.
//!
//! Such an address may be chosen to make the service call its own neighbours (server-side request forgery). So only
//! public addresses are called, by https, on allowed ports. The name is resolved once, every address that it has is
//! checked, and the connection is made to what was checked, not to what a second look-up might say. Redirects
//! are answers like any other, and what an answer may cost is bounded.

mod resolver;
mod rules;

pub use resolver::{Lookup, SystemLookup};
pub use rules::{Refusal, Rules};

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use reqwest::redirect;
use url::Url;

use resolver::Guard;

/// How long a connection in use by nobody is kept.
const IDLE: Duration = Duration::from_secs(30);

/// Why there is no answer. Shows no address, so that it may be shown to whoever gave the URL.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// The address may not be called.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The name has no address, nobody answered, or not in HTTP. Another try may succeed.
    #[error("no answer came")]
    Unreachable(#[source] reqwest::Error),
    /// The whole answer did not come in time.
    #[error("no whole answer came within {0:?}")]
    TimedOut(Duration),
    /// The answer's body is longer than the limit, in bytes.
    #[error("the answer is longer than {0} bytes")]
    TooLarge(usize),
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up the client for calls to the outside")]
pub struct OutboundSetupError(#[from] reqwest::Error);

/// Calls addresses that somebody gave. Clones share the connections.
#[derive(Clone)]
pub struct Outbound {
    http: reqwest::Client,
    rules: Arc<Rules>,
}

impl Outbound {
    /// A client that keeps `rules`.
    pub fn new(rules: Rules) -> Result<Self, OutboundSetupError> {
        Self::with_lookup(rules, SystemLookup)
    }

    /// [`Self::new`] with another way to resolve names.
    pub fn with_lookup(rules: Rules, lookup: impl Lookup) -> Result<Self, OutboundSetupError> {
        let rules = Arc::new(rules);
        let http = reqwest::Client::builder()
            .dns_resolver(Arc::new(Guard::new(Arc::clone(&rules), lookup)))
            .https_only(!rules.allow_http)
            .connect_timeout(rules.connect_timeout())
            .timeout(rules.timeout())
            .pool_idle_timeout(IDLE)
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            // A proxy would resolve the name itself, and reach what we may not.
            .no_proxy()
            .user_agent(concat!("ShopFlow/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { http, rules })
    }

    /// Whether an address could be called, as far as its text tells. For whoever saves one; its name is resolved
    /// when it is called.
    pub fn check(&self, url: &Url) -> Result<(), Refusal> {
        self.rules.check(url)
    }

    /// Sends a request and reads the whole answer, whatever its status.
    pub async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, OutboundError> {
        let (head, body) = request.into_parts();
        // One parser decides for both: what is checked is what is called.
        let url = Url::parse(&head.uri.to_string()).map_err(|_| Refusal::NoUrl)?;
        self.rules.check(&url)?;
        let request = self.http.request(head.method, url).headers(head.headers).body(body);
        let mut answer = request.send().await.map_err(|error| self.failed(error))?;
        let limit = self.rules.max_answer_bytes;
        if answer.content_length().is_some_and(|length| length > limit as u64) {
            return Err(OutboundError::TooLarge(limit));
        }
        let mut body = Vec::new();
        while let Some(part) = answer.chunk().await.map_err(|error| self.failed(error))? {
            if body.len() + part.len() > limit {
                return Err(OutboundError::TooLarge(limit));
            }
            body.extend_from_slice(&part);
        }
        let mut response = Response::new(body);
        *response.status_mut() = answer.status();
        *response.headers_mut() = std::mem::take(answer.headers_mut());
        Ok(response)
    }

    fn failed(&self, error: reqwest::Error) -> OutboundError {
        let mut cause = error.source();
        while let Some(current) = cause {
            if let Some(refusal) = current.downcast_ref::<Refusal>() {
                return OutboundError::Refused(*refusal);
            }
            cause = current.source();
        }
        if error.is_timeout() && !error.is_connect() {
            return OutboundError::TimedOut(self.rules.timeout());
        }
        OutboundError::Unreachable(error.without_url())
    }
}
