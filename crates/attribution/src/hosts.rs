//! Host names inside strings, and addresses where a host stands.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

/// Longest host name the domain name system allows.
const HOST_BYTES_MAX: usize = 253;

/// Host names in a string: runs of letters, digits, dots and hyphens with a dot inside, in lower case. Four numbers are an address
/// only behind `://`: elsewhere they may be a version.
pub fn hosts_in(text: &str, hosts: &mut BTreeSet<String>) {
    for rest in text.split("://").skip(1) {
        let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(rest.len());
        let address: Option<Ipv4Addr> = rest.get(..end).and_then(|address| address.parse().ok());
        hosts.extend(address.map(|address| address.to_string()));
    }
    for word in text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '.' || c == '-')) {
        let host = word.trim_matches(['.', '-']);
        let ends_in_name = host
            .rsplit('.')
            .next()
            .is_some_and(|last| last.len() >= 2 && !last.starts_with(|c: char| c.is_ascii_digit()));
        if host.contains('.') && host.len() <= HOST_BYTES_MAX && ends_in_name {
            hosts.insert(host.to_ascii_lowercase());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_found_inside_addresses_and_sentences() {
        let mut hosts = BTreeSet::new();
        hosts_in("POST http://Data.Example.org:8080/v1?x=1 then ftp.example.net. 192.0.2.1 e.g", &mut hosts);
        assert_eq!(Vec::from_iter(hosts), ["data.example.org", "ftp.example.net"]);
    }

    #[test]
    fn four_numbers_are_an_address_where_a_host_stands() {
        let mut hosts = BTreeSet::new();
        hosts_in(
            "http://192.0.2.7:8080/v1 and https://198.51.100.9, version 4.3.1.0, http://1.2.3.4.example.org/",
            &mut hosts,
        );
        assert_eq!(Vec::from_iter(hosts), ["1.2.3.4.example.org", "192.0.2.7", "198.51.100.9"]);
    }
}
