//! Addresses by which nodes reach one another: a host and a port.

use std::net::{IpAddr, Ipv6Addr};

use super::Invalid;

/// Longest address in bytes: that of a name in the DNS and a port fits.
pub const PEER_ADDRESS_BYTES_MAX: usize = 255;

/// Checks an address by which another machine reaches a listener: `HOST:PORT`, where the host is a
/// name, an IPv4 address or an IPv6 address in brackets. Nothing is looked up.
pub fn peer_address(field: &str, text: &str) -> Result<(), Invalid> {
    if text.len() > PEER_ADDRESS_BYTES_MAX {
        let problem = format!("must have at most {PEER_ADDRESS_BYTES_MAX} bytes");
        return Err(Invalid::new(field, problem));
    }
    let form = || {
        let problem = "must be a host and a port such as node-1.example:7430 or [::1]:7430, not";
        Invalid::new(field, format!("{problem} {text:?}"))
    };
    let (host, port) = text.rsplit_once(':').ok_or_else(form)?;
    let has_port = port.bytes().all(|byte| byte.is_ascii_digit())
        && port.parse().is_ok_and(|port: u16| port > 0);
    let address = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(host) => Some(host.parse::<Ipv6Addr>().map(IpAddr::from).map_err(|_| form())?),
        None => host.parse().ok().filter(IpAddr::is_ipv4),
    };
    let is_name = !host.is_empty()
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    if !has_port || (address.is_none() && !is_name) {
        return Err(form());
    }
    if address.is_some_and(|address| address.is_unspecified()) {
        let problem = format!("is {text}, which no other machine can call");
        return Err(Invalid::new(field, problem));
    }
    Ok(())
}
