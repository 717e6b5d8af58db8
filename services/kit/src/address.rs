//! Which IP addresses belong to somebody on the public Internet.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Blocks of IPv4 that are nobody's on the public Internet: network, prefix length. From IANA's registry of
/// special-purpose addresses (RFC 6890), and the one address of a cloud's own services that lies outside of them.
const SPECIAL_V4: [(Ipv4Addr, u32); 16] = [
    (Ipv4Addr::UNSPECIFIED, 8),            // this network, RFC 791
    (Ipv4Addr::new(10, 0, 0, 0), 8),       // private, RFC 1918
    (Ipv4Addr::new(100, 64, 0, 0), 10),    // shared by carriers' NAT, RFC 6598; one cloud's metadata
    (Ipv4Addr::new(127, 0, 0, 0), 8),      // loopback, RFC 1122
    (Ipv4Addr::new(168, 63, 129, 16), 32), // host services of Azure, reachable from every machine there
    (Ipv4Addr::new(169, 254, 0, 0), 16),   // link-local, RFC 3927; most clouds' metadata
    (Ipv4Addr::new(172, 16, 0, 0), 12),    // private, RFC 1918
    (Ipv4Addr::new(192, 0, 0, 0), 24),     // protocol assignments, RFC 6890
    (Ipv4Addr::new(192, 0, 2, 0), 24),     // documentation, RFC 5737
    (Ipv4Addr::new(192, 88, 99, 0), 24),   // relays of 6to4, RFC 7526
    (Ipv4Addr::new(192, 168, 0, 0), 16),   // private, RFC 1918
    (Ipv4Addr::new(198, 18, 0, 0), 15),    // benchmarks, RFC 2544
    (Ipv4Addr::new(198, 51, 100, 0), 24),  // documentation, RFC 5737
    (Ipv4Addr::new(203, 0, 113, 0), 24),   // documentation, RFC 5737
    (Ipv4Addr::new(224, 0, 0, 0), 4),      // multicast, RFC 5771
    (Ipv4Addr::new(240, 0, 0, 0), 4),      // reserved and broadcast, RFC 1112, RFC 919
];

/// The only block of IPv6 from which public addresses are given out (RFC 4291, IANA): loopback, unique local,
/// link-local, mapped and multicast addresses all lie outside of it.
const GLOBAL_UNICAST: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// Blocks within [`GLOBAL_UNICAST`] that are nobody's, or that lead to an IPv4 address of the sender's choice.
const SPECIAL_V6: [(Ipv6Addr, u32); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23), // protocol assignments, RFC 2928; Teredo, RFC 4380
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32), // documentation, RFC 3849
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16), // 6to4, RFC 3056: an IPv4 address follows
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20), // documentation, RFC 9637
];

/// NAT64 (RFC 6052): the last 32 bits are the IPv4 address that is really called. Networks without IPv4 reach
/// all of it in this way.
const NAT64: (Ipv6Addr, u32) = (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96);

/// Whether `address` may be somebody's on the public Internet. False for addresses of this machine, of private
/// and carriers' networks, of clouds' metadata services, for multicast, for what no one may use, and for every way
/// to write such an IPv4 address in IPv6.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) if within_v6(address, NAT64) => is_public_v4(last_four_bytes(address)),
        IpAddr::V6(address) => {
            within_v6(address, GLOBAL_UNICAST) && !SPECIAL_V6.iter().any(|block| within_v6(address, *block))
        }
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let within =
        |(network, length): &(Ipv4Addr, u32)| (address.to_bits() ^ network.to_bits()) >> (32 - length) == 0;
    !SPECIAL_V4.iter().any(within)
}

fn within_v6(address: Ipv6Addr, (network, length): (Ipv6Addr, u32)) -> bool {
    (address.to_bits() ^ network.to_bits()) >> (128 - length) == 0
}

fn last_four_bytes(address: Ipv6Addr) -> Ipv4Addr {
    let [.., a, b, c, d] = address.octets();
    Ipv4Addr::new(a, b, c, d)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn public(text: &str) -> bool {
        is_public(text.parse().unwrap())
    }

    #[test]
    fn addresses_that_are_somebodys_are_public() {
        for address in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "168.63.129.15",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2001:200::1",
            "2606:4700:4700::1111",
            "2a00:1450:4001:82a::200e",
            "64:ff9b::1.1.1.1",
        ] {
            assert!(public(address), "{address}");
        }
    }

    #[test]
    fn first_and_last_addresses_of_special_blocks_are_not() {
        for address in [
            ["0.0.0.0", "0.255.255.255"],
            ["10.0.0.0", "10.255.255.255"],
            ["100.64.0.0", "100.127.255.255"],
            ["127.0.0.1", "127.255.255.255"],
            ["168.63.129.16", "169.254.169.254"],
            ["169.254.0.0", "169.254.255.255"],
            ["172.16.0.0", "172.31.255.255"],
            ["192.0.0.0", "192.0.0.192"],
            ["192.0.2.0", "192.0.2.255"],
            ["192.88.99.0", "192.88.99.1"],
            ["192.168.0.0", "192.168.255.255"],
            ["198.18.0.0", "198.19.255.255"],
            ["198.51.100.0", "198.51.100.255"],
            ["203.0.113.0", "203.0.113.255"],
            ["224.0.0.1", "239.255.255.255"],
            ["240.0.0.0", "255.255.255.255"],
            ["100.100.100.200", "::"],
            ["::1", "fd00:ec2::254"],
            ["fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
            ["fe80::1", "febf::1"],
            ["fec0::1", "ff02::1"],
            ["2001::1", "2001:1ff:ffff::1"],
            ["2001:db8::1", "3fff:fff::1"],
            ["100::1", "5f00::1"],
            ["4000::1", "1fff::1"],
        ]
        .concat()
        {
            assert!(!public(address), "{address}");
        }
    }

    #[test]
    fn no_way_to_write_ipv4_in_ipv6_hides_a_private_address() {
        for address in [
            "::ffff:127.0.0.1",         // mapped, RFC 4291
            "::ffff:8.8.8.8",           // mapped: whoever means it, writes IPv4
            "::ffff:0:127.0.0.1",       // translated, RFC 2765
            "::127.0.0.1",              // compatible, RFC 4291
            "64:ff9b::10.0.0.1",        // NAT64, RFC 6052
            "64:ff9b::a9fe:a9fe",       // NAT64 of 169.254.169.254
            "64:ff9b:1::8.8.8.8",       // NAT64 of the own network, RFC 8215
            "2002:7f00:1::",            // 6to4 of 127.0.0.1
            "2001:0:7f00:1::f5ff:fffe", // Teredo
        ] {
            assert!(!public(address), "{address}");
        }
    }
}
