//! Which addresses are the internet's, and which are somebody's own: pure. Whether one of the latter may be
//! asked all the same is decided in `mod`.
//!
//! After the registries of special-purpose addresses (RFC 6890). Forms of IPv6 that carry an IPv4 address are
//! judged by that one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What is said of an address that is not the internet's: `a private address`; `None`: it is.
pub(super) fn inside(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => inside_v4(address),
        IpAddr::V6(address) => inside_v6(address),
    }
}

fn inside_v4(address: Ipv4Addr) -> Option<&'static str> {
    // Azure answers machines there, though the address is a public one.
    const WIRE_SERVER: Ipv4Addr = Ipv4Addr::new(168, 63, 129, 16);
    match address.octets() {
        [127, ..] => Some("this machine"),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Some("a private address"),
        [169, 254, ..] => Some("a link-local or metadata address"),
        [100, 64..=127, ..] => Some("an address behind a carrier's translation"),
        [0, ..] => Some("no address of a host"),
        [224..=239, ..] => Some("a multicast address"),
        [192, 0, 0, _] | [192, 88, 99, _] | [198, 18..=19, ..] | [240..=255, ..] => Some("a reserved address"),
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Some("an address of documentation"),
        _ if address == WIRE_SERVER => Some("a metadata address"),
        _ => None,
    }
}

fn inside_v6(address: Ipv6Addr) -> Option<&'static str> {
    let segments = address.segments();
    let carried = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        inside_v4(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        [0, 0, 0, 0, 0, 0, 0, 1] => Some("this machine"),
        [0, 0, 0, 0, 0, 0, 0, 0] => Some("no address of a host"),
        // Mapped, and behind a translator with the well-known prefix.
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => carried(high, low),
        // 6to4.
        [0x2002, high, low, ..] => carried(high, low),
        [0xfc00..=0xfdff, ..] => Some("a private address"),
        [0xfe80..=0xfebf, ..] => Some("a link-local address"),
        [0xff00..=0xffff, ..] => Some("a multicast address"),
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0x0fff, ..] => Some("an address of documentation"),
        // Teredo, benchmarks, and others of the kind.
        [0x2001, 0..=0x1ff, ..] => Some("a reserved address"),
        [0x2000..=0x3fff, ..] => None,
        // IPv4-compatible ones, translators of one's own, site-local ones, and what nobody was given.
        _ => Some("a reserved address"),
    }
}

#[cfg(test)]
mod tests {
    use super::inside;

    #[test]
    fn what_is_somebodys_own_is_told_from_the_internets_at_its_edges() {
        let own = "0.0.0.0 0.255.255.255 10.0.0.0 10.255.255.255 100.64.0.0 100.127.255.255 100.100.100.200 \
            127.0.0.1 127.255.255.255 169.254.0.0 169.254.169.254 169.254.255.255 168.63.129.16 172.16.0.0 \
            172.31.255.255 192.0.0.192 192.0.2.1 192.88.99.1 192.168.0.1 198.18.0.1 198.19.255.255 \
            198.51.100.7 203.0.113.9 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 :: ::1 ::7f00:1 \
            ::a00:1 ::808:808 ::ffff:127.0.0.1 ::ffff:10.1.2.3 ::ffff:169.254.169.254 64:ff9b::7f00:1 \
            64:ff9b::a9fe:a9fe 64:ff9b:1::808:808 100::1 2001::1 2001:0:808:808::1 2001:1ff:ffff::1 \
            2001:db8::1 2002:7f00:1::1 2002:a9fe:a9fe:: 2002:c0a8:1::1 3fff::1 3fff:fff::1 4000::1 5f00::1 \
            fc00::1 fd00:ec2::254 fdff::1 fe80::1 febf::1 fec0::1 ff02::1 1fff::1";
        for address in own.split(' ') {
            assert!(inside(address.parse().unwrap()).is_some(), "{address} is no address of the internet");
        }
        let internets = "1.1.1.1 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 \
            168.63.129.15 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 192.0.1.0 192.0.3.0 \
            192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 223.255.255.255 ::ffff:8.8.8.8 \
            64:ff9b::808:808 2001:200::1 2001:4860:4860::8888 2002:808:808::1 2606:4700::1111 3ffe:ffff::1 \
            3fff:1000::1 2a00::1";
        for address in internets.split(' ') {
            assert_eq!(inside(address.parse().unwrap()), None, "{address} is one of the internet");
        }
    }
}
