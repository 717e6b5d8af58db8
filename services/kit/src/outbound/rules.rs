//! What may be called.

use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;
use serde::Deserialize;
use url::{Host, Url};

use crate::address::is_public;

/// What may be called, and what an answer may cost. The default is meant for production.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rules {
    /// Ports that may be called.
    pub ports: Vec<u16>,
    /// Also http. For development and tests.
    pub allow_http: bool,
    /// Networks that may be called although they are not public: a provider within the company, or a stand-in in
    /// development and tests.
    pub allow_networks: Vec<IpNet>,
    /// Longest body of an answer.
    pub max_answer_bytes: usize,
    /// Longest time until there is a connection.
    pub connect_timeout_ms: u64,
    /// Longest time until the whole answer is there.
    pub timeout_ms: u64,
}

/// Why an address may not be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is no absolute URL.
    #[error("this is not a URL")]
    NoUrl,
    /// Another scheme than https.
    #[error("only https:// addresses may be called")]
    Scheme,
    /// A user or password in the URL.
    #[error("a URL with a user name or password may not be called")]
    Credentials,
    /// A port that is not allowed.
    #[error("port {0} may not be called")]
    Port(u16),
    /// The host is, or its name leads to, an address that is not public.
    #[error("the host is not on the public Internet")]
    Private,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            ports: vec![443],
            allow_http: false,
            allow_networks: Vec::new(),
            max_answer_bytes: 1024 * 1024,
            connect_timeout_ms: 3000,
            timeout_ms: 10_000,
        }
    }
}

impl Rules {
    pub(super) fn connect_timeout(&self) -> Duration {
        Duration::from_millis(self.connect_timeout_ms)
    }

    pub(super) fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }

    /// Everything that the text of the URL decides. The parser has already turned `0x7f.1`, `2130706433` and
    /// their like into the IPv4 address that they are (WHATWG URL, 3.5).
    pub(super) fn check(&self, url: &Url) -> Result<(), Refusal> {
        match url.scheme() {
            "https" => {}
            "http" if self.allow_http => {}
            _ => return Err(Refusal::Scheme),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refusal::Credentials);
        }
        let port = url.port_or_known_default().ok_or(Refusal::NoUrl)?;
        if !self.ports.contains(&port) {
            return Err(Refusal::Port(port));
        }
        // An address in the URL is called without asking any resolver.
        match url.host().ok_or(Refusal::NoUrl)? {
            Host::Ipv4(address) => self.check_address(address.into()),
            Host::Ipv6(address) => self.check_address(address.into()),
            Host::Domain(_) => Ok(()),
        }
    }

    /// Whether a connection to `address` may be made.
    pub(super) fn check_address(&self, address: IpAddr) -> Result<(), Refusal> {
        let allowed = self.allow_networks.iter().any(|network| network.contains(&address));
        if allowed || is_public(address) { Ok(()) } else { Err(Refusal::Private) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rules: &Rules, url: &str) -> Result<(), Refusal> {
        rules.check(&url.parse().unwrap())
    }

    #[test]
    fn public_https_addresses_may_be_called() {
        for url in [
            "https://hooks.example.com/a?b=c",
            "https://1.1.1.1/",
            "https://[2606:4700::1111]/",
            "HTTPS://x.org:443",
        ] {
            assert_eq!(check(&Rules::default(), url), Ok(()), "{url}");
        }
    }

    #[test]
    fn no_way_to_write_a_private_address_is_accepted() {
        for url in [
            "https://127.0.0.1/",
            "https://127.1/",
            "https://2130706433/",
            "https://0x7f000001/",
            "https://0x7f.0.0.1/",
            "https://0177.0.0.1/",
            "https://017700000001/",
            "https://127.0.0.1./",
            "https://%31%32%37.0.0.1/",
            "https://１２７.0.0.1/",
            "https://0/",
            "https://169.254.169.254/latest/meta-data/",
            "https://2852039166/",
            "https://[::1]/",
            "https://[::]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[::ffff:7f00:1]/",
            "https://[64:ff9b::7f00:1]/",
            "https://[2002:7f00:1::]/",
            "https://[fd00:ec2::254]/",
            "https://[fe80::1]/",
            "https://10.96.0.1/",
            "https://100.100.100.200/",
            "https://255.255.255.255/",
        ] {
            assert_eq!(check(&Rules::default(), url), Err(Refusal::Private), "{url}");
        }
    }

    #[test]
    fn other_schemes_ports_and_credentials_are_refused() {
        for (url, refusal) in [
            ("http://example.com/", Refusal::Scheme),
            ("ftp://example.com/", Refusal::Scheme),
            ("file:///etc/passwd", Refusal::Scheme),
            ("gopher://example.com/", Refusal::Scheme),
            ("unix:/run/x.sock", Refusal::Scheme),
            ("https://user@example.com/", Refusal::Credentials),
            ("https://:secret@example.com/", Refusal::Credentials),
            ("https://example.com:8443/", Refusal::Port(8443)),
            ("https://example.com:22/", Refusal::Port(22)),
            ("https://example.com:80/", Refusal::Port(80)),
        ] {
            assert_eq!(check(&Rules::default(), url), Err(refusal), "{url}");
        }
    }

    #[test]
    fn what_is_allowed_by_name_is_no_more_than_that() {
        let rules: Rules =
            serde_yaml::from_str("{ports: [8080], allow_http: true, allow_networks: ['127.0.0.1/32']}")
                .unwrap();
        assert_eq!(check(&rules, "http://127.0.0.1:8080/"), Ok(()));
        assert_eq!(check(&rules, "http://127.0.0.2:8080/"), Err(Refusal::Private));
        assert_eq!(check(&rules, "http://127.0.0.1/"), Err(Refusal::Port(80)));
        assert!(serde_yaml::from_str::<Rules>("{allow_htp: true}").is_err());
    }
}
