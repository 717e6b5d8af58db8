//! Calls to other services.

mod budget;

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use http::StatusCode;
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use crate::config;
use crate::telemetry::TraceContext;
use crate::watch::Following;
use budget::RetryBudget;

/// How long callers of services keep a connection that rests. Less than services do ([`Limits::idle`]), or a request
/// would meet a connection that is just being closed.
///
/// [`Limits::idle`]: crate::lifecycle::Limits::idle
pub const KEPT_AT_REST: Duration = Duration::from_mins(1);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// For one call with all its tries: a callee that is silent costs its caller no more than this.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a call gave no answer that can be used.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// 404.
    #[error("{service} has no such thing")]
    NotFound {
        /// The callee.
        service: String,
    },
    /// 401 or 403: the service token is missing, expired or not enough.
    #[error("{service} refused the service token")]
    Unauthorized {
        /// The callee.
        service: String,
    },
    /// No answer, or 502, 503, 504, 429: worth another try later.
    #[error("{service} is not available")]
    Unavailable {
        /// The callee.
        service: String,
        /// Why, when there was no answer at all.
        source: Option<reqwest::Error>,
    },
    /// Any other status.
    #[error("{service} answered {status}")]
    Status {
        /// The callee.
        service: String,
        /// Its answer.
        status: StatusCode,
    },
    /// An answer of another shape.
    #[error("{service} gave an answer that cannot be read")]
    Decode {
        /// The callee.
        service: String,
        /// Why.
        source: serde_json::Error,
    },
    /// The path is no path.
    #[error("{path:?} is no path of {service}")]
    Path {
        /// The callee.
        service: String,
        /// The path.
        path: String,
    },
}

impl ClientError {
    /// Whether the same call may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unavailable { .. } | Self::Unauthorized { .. } => true,
            Self::Status { status, .. } => status.is_server_error(),
            Self::NotFound { .. } | Self::Decode { .. } | Self::Path { .. } => false,
        }
    }
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientSetupError {
    /// `services` in the configuration does not name the callee.
    #[error("the configuration has no address for {0}: add it to service.services")]
    UnknownService(String),
    /// The HTTP client cannot be made.
    #[error("cannot set up the HTTP client")]
    Http(#[from] reqwest::Error),
}

/// Calls one other service with this service's token for it. Clones share the connections.
#[derive(Clone)]
pub struct ServiceClient(Arc<Inner>);

struct Inner {
    service: String,
    base: Url,
    http: reqwest::Client,
    token: Arc<RwLock<Option<String>>>,
    retries: RetryBudget,
    _following: Following,
}

impl ServiceClient {
    /// A client for `callee`. Its token is the file of that name in `tokens_dir`, and is followed.
    /// Needs a Tokio runtime.
    pub fn new(config: &config::Service, callee: &str) -> Result<Self, ClientSetupError> {
        let base =
            config.url_of(callee).ok_or_else(|| ClientSetupError::UnknownService(callee.to_owned()))?;
        Self::with(callee, base.clone(), &config.tokens_dir.join(callee))
    }

    /// A client for `callee` at `base` with the token in the file `token`.
    pub fn with(callee: &str, base: Url, token: &Path) -> Result<Self, ClientSetupError> {
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TOTAL_TIMEOUT)
            .pool_idle_timeout(KEPT_AT_REST)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .tcp_nodelay(true)
            .build()?;
        let current = Arc::new(RwLock::new(None));
        let replaced = Arc::clone(&current);
        let following = crate::watch::follow(token, move |content| {
            let text = String::from_utf8_lossy(content).trim().to_owned();
            *replaced.write().unwrap_or_else(PoisonError::into_inner) =
                Some(text).filter(|text| !text.is_empty());
        });
        Ok(Self(Arc::new(Inner {
            service: callee.to_owned(),
            base,
            http,
            token: current,
            retries: RetryBudget::default(),
            _following: following,
        })))
    }

    /// GET `path` (from `/`, already encoded). While the callee is unavailable it is tried up to three times within
    /// 5 s, as long as most calls succeed.
    pub async fn get_json<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        let Inner { service, retries, .. } = &*self.0;
        let pauses = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(50))
            .with_max_times(2)
            .with_jitter();
        let attempt = async || {
            let result = self.send(http::Method::GET, path, None::<&()>).await;
            retries.record(!matches!(result, Err(ClientError::Unavailable { .. })));
            result
        };
        let tries = attempt
            .retry(pauses)
            .when(|error| matches!(error, ClientError::Unavailable { .. }) && retries.allows_one());
        let body = tokio::time::timeout(TOTAL_TIMEOUT, tries)
            .await
            .map_err(|_| ClientError::Unavailable { service: service.clone(), source: None })??;
        self.decode(&body)
    }

    /// POST `body` to `path`, once.
    pub async fn post_json<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        let body = self.send(http::Method::POST, path, Some(body)).await?;
        self.decode(&body)
    }

    async fn send(
        &self,
        method: http::Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<Vec<u8>, ClientError> {
        let Inner { service, http, token, .. } = &*self.0;
        let mut request = http.request(method, self.url(path)?);
        for (name, value) in crate::telemetry::outgoing().iter().flat_map(TraceContext::headers) {
            request = request.header(name, value);
        }
        if let Some(id) = crate::http::request_id() {
            request = request.header(crate::http::REQUEST_ID, id.header());
        }
        if let Some(token) = token.read().unwrap_or_else(PoisonError::into_inner).as_ref() {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let unavailable = |source| ClientError::Unavailable { service: service.clone(), source };
        let response = request.send().await.map_err(|error| unavailable(Some(error.without_url())))?;
        let status = response.status();
        if status.is_success() {
            let body = response.bytes().await.map_err(|error| unavailable(Some(error.without_url())))?;
            return Ok(body.into());
        }
        Err(match status {
            StatusCode::NOT_FOUND => ClientError::NotFound { service: service.clone() },
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                ClientError::Unauthorized { service: service.clone() }
            }
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => unavailable(None),
            status => ClientError::Status { service: service.clone(), status },
        })
    }

    fn url(&self, path: &str) -> Result<Url, ClientError> {
        let refused = || ClientError::Path { service: self.0.service.clone(), path: path.to_owned() };
        // Joining "//host" or a full URL would send the token elsewhere.
        if !path.starts_with('/') || path.starts_with("//") {
            return Err(refused());
        }
        let url = self.0.base.join(path).map_err(|_| refused())?;
        if url.host() == self.0.base.host() { Ok(url) } else { Err(refused()) }
    }

    fn decode<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, ClientError> {
        serde_json::from_slice(body)
            .map_err(|source| ClientError::Decode { service: self.0.service.clone(), source })
    }
}
