//! Why a spec cannot be carried out.

use super::LONGEST_NAME;
use crate::api::reason;

/// The spec asks for something impossible. Most of these the schema refuses already; a resource stored
/// before a rule existed still meets them here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// The object did not come from an API server.
    #[error("the resource has no namespace or uid")]
    NoIdentity,
    /// The name is too long, or not the name of a Service.
    #[error(
        "`{0}` cannot be a platform's name: use at most {LONGEST_NAME} lower-case letters, digits and dashes, a letter first"
    )]
    Name(String),
    /// A key of `services`.
    #[error("services.{0}: there is no such service")]
    UnknownService(String),
    /// Two members of a union.
    #[error("{0}: choose one of its members, and remove the other")]
    Both(&'static str),
    /// No member of a union.
    #[error("{0}: choose one of its members")]
    Neither(&'static str),
    /// There is no catalog to require.
    #[error(
        "orders.catalog cannot be Required: this release has no catalog service; use Optional, or leave it out"
    )]
    NoCatalog,
    /// Traces could not be sent there.
    #[error("observability.otlpEndpoint `{0}` is not a URL: write it like http://collector:4318")]
    OtlpEndpoint(String),
    /// Neither an address nor a network.
    #[error("gateway.trustedProxies: `{0}` is neither an address nor a network such as 10.0.0.0/8")]
    TrustedProxy(String),
    /// A size that no request body may have.
    #[error("gateway.bodyLimit `{0}` must be between 1Ki and 16Mi, in bytes or written like 512Ki")]
    BodyLimit(String),
    /// Nobody could call.
    #[error("gateway.rateLimits must each be at least 1")]
    NoRequests,
    /// What browsers refuse.
    #[error("gateway.cors.allowCredentials needs origins by name: list them instead of *")]
    CredentialsForAll,
    /// More pods than a managed server has connections for.
    #[error(
        "the pods of services may open {wanted} database connections at once, and managed PostgreSQL accepts {maximum}: declare fewer replicas, or use postgres.external"
    )]
    TooManyConnections {
        /// What they may open.
        wanted: u32,
        /// What the largest server accepts.
        maximum: u32,
    },
    /// A refresh token that is dead before the access token.
    #[error("auth.tokens.refreshTtl must be at least auth.tokens.accessTtl")]
    RefreshTooShort,
    /// Longer than revocations are remembered.
    #[error("auth.tokens.accessTtl must be at most 24h: ended sessions are remembered for no longer")]
    AccessTooLong,
}

impl Invalid {
    /// The condition's reason.
    pub const fn reason(&self) -> &'static str {
        reason::INVALID_SPEC
    }
}
