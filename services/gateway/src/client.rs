//! Who is at the other end: the client's address, and the scheme and host it used.

use std::net::{IpAddr, Ipv4Addr};

use http::header::HOST;
use http::{HeaderMap, HeaderValue};
use ipnet::IpNet;

/// A client, as far as the connection and trusted proxies in front of the gateway tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Client {
    /// Address of the client itself, not of a trusted proxy.
    pub(crate) address: IpAddr,
    /// Whether many clients may come from this address: it is a private one, and nobody said whether that is a
    /// client or a proxy, such as an Ingress, a load balancer or a node that translates addresses.
    pub(crate) shared: bool,
    /// `http` or `https`.
    pub(crate) scheme: &'static str,
    /// Host and port the client asked for.
    pub(crate) host: Option<HeaderValue>,
}

impl Client {
    /// Believes `X-Forwarded-*` only when the peer is one of `trusted`; `None` means that nobody named the proxies.
    pub(crate) fn new(peer: IpAddr, headers: &HeaderMap, trusted: Option<&[IpNet]>) -> Self {
        let peer = peer.to_canonical();
        let proxies = trusted.unwrap_or_default();
        let forwarded = is_trusted(peer, proxies);
        let from_proxy = |name: &str| forwarded.then(|| first_value(headers, name)).flatten();
        let host = match from_proxy("x-forwarded-host") {
            Some(host) => HeaderValue::from_str(host).ok(),
            None => headers.get(HOST).cloned(),
        };
        Self {
            address: if forwarded { origin(peer, headers, proxies) } else { peer },
            shared: trusted.is_none() && is_private(peer),
            scheme: match from_proxy("x-forwarded-proto") {
                Some(scheme) if scheme.eq_ignore_ascii_case("https") => "https",
                _ => "http",
            },
            host: host.filter(is_authority),
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

/// Networks in which pods, nodes and load balancers have their addresses: RFC 1918, carriers' NAT (RFC 6598, which
/// some clusters use for pods), link-local and unique local ones. Loopback is not among them: whoever connects from
/// the same machine is one client.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_private() || address.is_link_local() || is_carrier_grade(address),
        IpAddr::V6(address) => address.is_unique_local() || address.is_unicast_link_local(),
    }
}

/// 100.64.0.0/10.
fn is_carrier_grade(address: Ipv4Addr) -> bool {
    matches!(address.octets(), [100, second, ..] if second & 0xc0 == 64)
}

fn first_value<'headers>(headers: &'headers HeaderMap, name: &str) -> Option<&'headers str> {
    let value = headers.get(name)?.to_str().ok()?;
    value.split(',').next().map(str::trim).filter(|value| !value.is_empty())
}

/// A host name or address, perhaps with a port; nothing that could be read as more than one.
fn is_authority(value: &HeaderValue) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~:[]%".contains(byte);
    !value.is_empty() && value.as_bytes().iter().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, value.parse().unwrap());
        }
        map
    }

    fn client(peer: &str, pairs: &[(&'static str, &'static str)]) -> Client {
        let trusted = ["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        Client::new(peer.parse().unwrap(), &headers(pairs), Some(&trusted))
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
            shared: false,
            scheme: "http",
            host: Some(HeaderValue::from_static("shop.example:3000")),
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
            shared: false,
            scheme: "https",
            host: Some(HeaderValue::from_static("shop.example")),
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
        for host in ["a b", "", "shop.example/", "user@shop.example", "a,b"] {
            assert_eq!(client("192.0.2.1", &[("host", host)]).host, None, "{host}");
        }
        assert_eq!(client("192.0.2.1", &[]).host, None);
        assert!(client("192.0.2.1", &[("host", "[2001:db8::1]:3000")]).host.is_some());
    }

    #[test]
    fn a_private_address_is_one_client_only_when_somebody_said_which_proxies_there_are() {
        for (address, private) in [
            ("10.42.0.1", true),
            ("172.18.0.2", true),
            ("192.168.1.7", true),
            ("100.64.0.1", true),
            ("169.254.1.1", true),
            ("fd00::1", true),
            ("fe80::1", true),
            ("::ffff:10.42.0.1", true),
            ("100.128.0.1", false),
            ("192.0.2.1", false),
            ("2001:db8::1", false),
            ("127.0.0.1", false),
            ("::1", false),
        ] {
            let peer: IpAddr = address.parse().unwrap();
            assert_eq!(Client::new(peer, &HeaderMap::new(), None).shared, private, "{address}");
            assert!(!Client::new(peer, &HeaderMap::new(), Some(&[])).shared, "{address}");
        }
    }

    #[test]
    fn nothing_is_believed_while_nobody_named_the_proxies() {
        let forwarded = headers(&[("x-forwarded-for", "198.51.100.7"), ("x-forwarded-proto", "https")]);
        let client = Client::new("10.0.0.2".parse().unwrap(), &forwarded, None);
        assert_eq!((client.address, client.scheme), ("10.0.0.2".parse().unwrap(), "http"));
    }
}
