//! Parsing of agents' addresses, in which the port is optional.

use std::net::{IpAddr, SocketAddr};

/// The default port of agents, next to the default ports of a server.
pub const DEFAULT_PORT: u16 = 7790;

/// Parses the address that an agent listens on: an IP with a port, or an IP alone for [`DEFAULT_PORT`].
pub(super) fn parse_listen(text: &str) -> Result<SocketAddr, String> {
    let ip_only = || text.parse().map(|ip: IpAddr| SocketAddr::new(ip, DEFAULT_PORT));
    text.parse().or_else(|_| ip_only()).map_err(|_| {
        format!("'{text}' is not an address: give an IP and a port, as in 0.0.0.0:{DEFAULT_PORT}")
    })
}

/// Returns an agent's address with [`DEFAULT_PORT`] added if the address has no port.
pub(super) fn with_port(agent: &str) -> String {
    match agent.parse::<IpAddr>() {
        Ok(ip) => SocketAddr::new(ip, DEFAULT_PORT).to_string(),
        Err(_) if agent.ends_with(']') || !agent.contains(':') => format!("{agent}:{DEFAULT_PORT}"),
        Err(_) => agent.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_a_port_gets_the_default_port() {
        for (written, meant) in [
            ("loads-1", "loads-1:7790"),
            ("loads-1:9", "loads-1:9"),
            ("10.0.0.2", "10.0.0.2:7790"),
            ("::1", "[::1]:7790"),
            ("[::1]", "[::1]:7790"),
            ("[::1]:9", "[::1]:9"),
        ] {
            assert_eq!(with_port(written), meant);
        }
    }
}
