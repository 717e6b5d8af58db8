//! Who is at the other end of the connection.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use http::header::USER_AGENT;
use http::request::Parts;

use crate::domain::Client;

/// The client of this request, for lists of sessions and for slowing down whoever guesses; never for authorisation.
///
/// The gateway replaces `X-Forwarded-For` with what it saw itself, and only the gateway can reach this service from
/// outside, so the last entry is the client. Without the header it is the peer.
pub(super) struct RequestClient(pub(super) Client);

impl<S: Send + Sync> FromRequestParts<S> for RequestClient {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let device = parts.headers.get(USER_AGENT).and_then(|value| value.to_str().ok());
        let peer =
            || parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_canonical());
        Ok(Self(Client::new(device, forwarded_for(parts).or_else(peer))))
    }
}

fn forwarded_for(parts: &Parts) -> Option<IpAddr> {
    let header = parts.headers.get_all("x-forwarded-for").iter().next_back()?.to_str().ok()?;
    header.rsplit(',').next()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use http::Request;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(&["203.0.113.9"], Some("203.0.113.9"))]
    #[case(&["198.51.100.1, 203.0.113.9"], Some("203.0.113.9"))]
    #[case(&["198.51.100.1", "203.0.113.9"], Some("203.0.113.9"))]
    #[case(&["2001:db8::1"], Some("2001:db8::1"))]
    #[case(&["nonsense"], None)]
    #[case(&[], None)]
    fn the_nearest_proxy_is_believed(#[case] headers: &[&str], #[case] expected: Option<&str>) {
        let mut request = Request::builder();
        for header in headers {
            request = request.header("x-forwarded-for", *header);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        assert_eq!(forwarded_for(&parts).map(|ip| ip.to_string()).as_deref(), expected);
    }
}
