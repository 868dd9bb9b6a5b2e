//! Host names inside strings.

use std::collections::BTreeSet;

/// Longest host name the domain name system allows.
const HOST_BYTES_MAX: usize = 253;

/// Host names in a string: runs of letters, digits, dots and hyphens with a dot inside, in lower case.
pub fn hosts_in(text: &str, hosts: &mut BTreeSet<String>) {
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
}
