//! `/.well-known`: what other parties need to verify tokens by themselves.

use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::HeaderValue;
use http::header::CACHE_CONTROL;
use kit::extract::Json;
use kit::watch::{Following, follow};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::HttpState;

/// Verifiers may keep the keys this long: well below the time between a key's publication and its first signature.
const MAX_AGE: &str = "public, max-age=60";

/// A set of public keys (RFC 7517, section 5).
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
pub(super) struct JwkSet {
    /// The keys.
    #[schema(value_type = Vec<Object>)]
    keys: Vec<serde_json::Map<String, serde_json::Value>>,
}

/// The public keys as they are served. Clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct PublicKeys(Arc<ArcSwap<JwkSet>>);

impl PublicKeys {
    /// Serves the keys in the file `path`, as long as the answer is kept.
    pub(crate) fn follow(&self, path: &Path) -> Following {
        let public_keys = self.clone();
        follow(path, move |content| public_keys.load(content))
    }

    /// Takes the content of the verification keys file; an unreadable one changes nothing.
    fn load(&self, json: &[u8]) {
        match serde_json::from_slice::<JwkSet>(json) {
            Ok(mut set) => {
                set.keys.retain(is_public);
                self.0.store(Arc::new(set));
            }
            Err(error) => tracing::error!(%error, "verification keys refused, those before stay published"),
        }
    }
}

/// A shared secret also verifies, but must never be served; nor must the private part of a key pair.
fn is_public(key: &serde_json::Map<String, serde_json::Value>) -> bool {
    let secret = ["d", "k", "p", "q", "dp", "dq", "qi", "oth"];
    key.get("kty").is_some_and(|kind| kind != "oct") && !secret.iter().any(|member| key.contains_key(*member))
}

/// The public keys that access tokens are verified with.
#[utoipa::path(get, path = "/.well-known/jwks.json", tag = "auth", operation_id = "get_keys",
    responses((status = 200, description = "The keys", body = JwkSet)))]
pub(super) async fn jwks(State(state): State<HttpState>) -> Response {
    let keys = state.public_keys.0.load();
    ([(CACHE_CONTROL, HeaderValue::from_static(MAX_AGE))], Json(&**keys)).into_response()
}

/// Metadata of the issuer (OpenID Connect Discovery 1.0, section 3; RFC 8414, section 2).
#[derive(Serialize, ToSchema)]
pub(super) struct ProviderMetadata {
    /// `iss` of tokens.
    issuer: String,
    /// Where the public keys are.
    jwks_uri: String,
    /// Where grants are exchanged for tokens.
    token_endpoint: String,
    /// Grants that the token endpoint knows.
    grant_types_supported: [&'static str; 2],
    /// None: there is no authorization endpoint.
    response_types_supported: [&'static str; 0],
    /// One subject identifier for all clients.
    subject_types_supported: [&'static str; 1],
    /// Algorithms of the published keys.
    id_token_signing_alg_values_supported: Vec<String>,
    /// Clients are public.
    token_endpoint_auth_methods_supported: [&'static str; 1],
    /// Claims of an access token.
    claims_supported: [&'static str; 10],
}

/// Metadata of the issuer.
#[utoipa::path(get, path = "/.well-known/openid-configuration", tag = "auth", operation_id = "get_issuer",
    responses((status = 200, description = "The metadata", body = ProviderMetadata)))]
pub(super) async fn openid_configuration(State(state): State<HttpState>) -> Json<ProviderMetadata> {
    let issuer = state.auth.settings.issuer.clone();
    let base = issuer.trim_end_matches('/');
    let keys = state.public_keys.0.load();
    let mut algorithms: Vec<String> =
        keys.keys.iter().filter_map(|key| key.get("alg")?.as_str().map(str::to_owned)).collect();
    algorithms.sort_unstable();
    algorithms.dedup();
    Json(ProviderMetadata {
        jwks_uri: format!("{base}/.well-known/jwks.json"),
        token_endpoint: format!("{base}/auth/token"),
        issuer,
        grant_types_supported: ["password", "refresh_token"],
        response_types_supported: [],
        subject_types_supported: ["public"],
        id_token_signing_alg_values_supported: algorithms,
        token_endpoint_auth_methods_supported: ["none"],
        claims_supported: ["iss", "sub", "aud", "email", "role", "sid", "iat", "nbf", "exp", "jti"],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_never_published() {
        let keys = PublicKeys::default();
        keys.load(
            br#"{"keys":[
                {"kty":"OKP","crv":"Ed25519","x":"AA","kid":"public","alg":"EdDSA"},
                {"kty":"oct","k":"c2VjcmV0","kid":"shared","alg":"HS256"},
                {"kty":"OKP","crv":"Ed25519","x":"AA","d":"AA","kid":"pair","alg":"EdDSA"},
                {"kid":"shapeless"}
            ]}"#,
        );
        let shown = serde_json::to_string(&**keys.0.load()).unwrap();
        assert!(shown.contains("public"));
        assert!(!shown.contains("shared") && !shown.contains("c2VjcmV0") && !shown.contains("pair"));
        assert!(!shown.contains("shapeless"));
    }

    #[test]
    fn an_unreadable_set_changes_nothing() {
        let keys = PublicKeys::default();
        keys.load(br#"{"keys":[{"kty":"OKP","kid":"a"}]}"#);
        keys.load(b"not json");
        assert_eq!(keys.0.load().keys.len(), 1);
    }
}
