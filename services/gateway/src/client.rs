//! Who is at the other end: the client's address, and the scheme and host it used.

use std::net::IpAddr;

use http::HeaderMap;
use http::header::HOST;
use http::uri::Authority;
use ipnet::IpNet;

/// A client, as far as the connection and trusted proxies in front of the gateway tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Client {
    /// Address of the client itself, not of a trusted proxy.
    pub(crate) address: IpAddr,
    /// `http` or `https`.
    pub(crate) scheme: &'static str,
    /// Host and port the client asked for.
    pub(crate) host: Option<String>,
}

impl Client {
    /// Believes `X-Forwarded-*` only when the peer is a trusted proxy.
    pub(crate) fn new(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> Self {
        let peer = peer.to_canonical();
        let forwarded = is_trusted(peer, trusted);
        let from_proxy = |name: &str| forwarded.then(|| first_value(headers, name)).flatten();
        let host = from_proxy("x-forwarded-host").or_else(|| first_value(headers, HOST.as_str()));
        Self {
            address: if forwarded { origin(peer, headers, trusted) } else { peer },
            scheme: match from_proxy("x-forwarded-proto") {
                Some(scheme) if scheme.eq_ignore_ascii_case("https") => "https",
                _ => "http",
            },
            host: host.filter(|host| host.parse::<Authority>().is_ok()).map(str::to_owned),
        }
    }
}

/// The last hop of `X-Forwarded-For`, read from the right, that is not a trusted proxy.
/// Whatever stands left of it was written by the client and proves nothing.
fn origin(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let values: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    let mut origin = peer;
    for hop in values.into_iter().rev() {
        let Some(address) = parse_hop(hop.trim()) else {
            break;
        };
        origin = address;
        if !is_trusted(address, trusted) {
            break;
        }
    }
    origin
}

/// `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1` or `[2001:db8::1]:80`.
fn parse_hop(text: &str) -> Option<IpAddr> {
    text.parse::<IpAddr>()
        .ok()
        .or_else(|| text.parse::<std::net::SocketAddr>().ok().map(|address| address.ip()))
        .or_else(|| text.strip_prefix('[')?.strip_suffix(']')?.parse().ok())
        .map(|address| address.to_canonical())
}

fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    trusted.iter().any(|network| network.contains(&address))
}

fn first_value<'headers>(headers: &'headers HeaderMap, name: &str) -> Option<&'headers str> {
    let value = headers.get(name)?.to_str().ok()?;
    value.split(',').next().map(str::trim).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, headers: &[(&'static str, &'static str)]) -> Client {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        let trusted = ["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        Client::new(peer.parse().unwrap(), &map, &trusted)
    }

    #[test]
    fn a_strangers_forwarding_headers_are_not_believed() {
        let headers = [
            ("x-forwarded-for", "198.51.100.7"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "evil.example"),
            ("host", "shop.example:3000"),
        ];
        let expected = Client {
            address: "192.0.2.1".parse().unwrap(),
            scheme: "http",
            host: Some("shop.example:3000".to_owned()),
        };
        assert_eq!(client("192.0.2.1", &headers), expected);
    }

    #[test]
    fn a_trusted_proxy_names_the_client() {
        let headers = [
            ("x-forwarded-for", "198.51.100.7"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "shop.example"),
            ("host", "gateway:3000"),
        ];
        let expected = Client {
            address: "198.51.100.7".parse().unwrap(),
            scheme: "https",
            host: Some("shop.example".to_owned()),
        };
        assert_eq!(client("10.0.0.2", &headers), expected);
        assert_eq!(client("::ffff:10.0.0.2", &headers), expected);
    }

    #[test]
    fn what_the_client_wrote_left_of_the_first_stranger_is_ignored() {
        for (value, address) in [
            ("203.0.113.9, 198.51.100.7, 10.0.0.3", "198.51.100.7"),
            ("203.0.113.9, 198.51.100.7:4711, fd00::1", "198.51.100.7"),
            ("198.51.100.7, [2001:db8::1]:443", "2001:db8::1"),
            ("10.0.0.4, 10.0.0.3", "10.0.0.4"),
            ("198.51.100.7, unknown, 10.0.0.3", "10.0.0.3"),
            ("", "10.0.0.2"),
        ] {
            let headers = [("x-forwarded-for", value)];
            assert_eq!(client("10.0.0.2", &headers).address, address.parse::<IpAddr>().unwrap(), "{value}");
        }
    }

    #[test]
    fn several_headers_read_as_one_list() {
        let headers = [("x-forwarded-for", "203.0.113.9"), ("x-forwarded-for", "198.51.100.7")];
        assert_eq!(client("10.0.0.2", &headers).address, "198.51.100.7".parse::<IpAddr>().unwrap());
    }

    #[test]
    fn a_host_that_is_none_is_dropped() {
        assert_eq!(client("192.0.2.1", &[("host", "a b")]).host, None);
        assert_eq!(client("192.0.2.1", &[]).host, None);
    }
}
