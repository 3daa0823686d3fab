//! The players' address on a machine without IPv6.
//!
//! The default address, `[::]`, means every address of the machine. Where IPv6 is disabled it cannot be bound, and `0.0.0.0` means the same.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
};

use crate::config::{Config, Origin};

/// The number of Linux for an address family that the system does not support. It has no [`io::ErrorKind`].
const EAFNOSUPPORT: i32 = 97;

/// A failure to bind a socket.
#[derive(Debug)]
pub(crate) struct BindError {
    /// The address that cannot be bound.
    pub(crate) address: SocketAddr,
    /// The error of the system.
    pub(crate) source: io::Error,
}

/// Binds the players' socket to `net.listen` with `bind`, and returns the socket and its address. Where the machine has no IPv6, an address
/// that is the default is replaced by the same port on all IPv4 addresses.
pub(crate) fn bind_players<S>(
    config: &Config,
    bind: impl Fn(SocketAddr) -> io::Result<S>,
) -> Result<(S, SocketAddr), BindError> {
    let configured = config.net.listen;
    let mut address = configured;
    let mut bound = bind(address);
    let is_default = config.origin("net.listen") == Some(&Origin::Default);
    if is_default && bound.as_ref().is_err_and(|error| lacks_ipv6(configured, error)) {
        address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, configured.port()));
        bound = bind(address);
    }
    bound.map(|socket| (socket, address)).map_err(|source| BindError { address, source })
}

/// Whether an address may have failed to bind because the machine has no IPv6.
pub(crate) fn lacks_ipv6(address: SocketAddr, error: &io::Error) -> bool {
    let is_unavailable = error.kind() == io::ErrorKind::AddrNotAvailable;
    address.is_ipv6() && (is_unavailable || error.raw_os_error() == Some(EAFNOSUPPORT))
}

#[cfg(test)]
mod tests {
    use quarrel_shared::arena::Arena;

    use super::*;
    use crate::config::{FlagValue, GameDefaults, Sources, load};

    fn config(listen: Option<&str>) -> Config {
        let game = GameDefaults::of::<Arena>();
        let flag =
            listen.map(|value| FlagValue { key: "net.listen", value: value.to_owned(), flag: "--listen" });
        load(&Sources { flags: flag.into_iter().collect(), ..Sources::default() }, &[game]).unwrap()
    }

    /// Binds as a machine without IPv6, whose error has this number.
    fn without_ipv6(errno: i32) -> impl Fn(SocketAddr) -> io::Result<()> {
        move |address| if address.is_ipv6() { Err(io::Error::from_raw_os_error(errno)) } else { Ok(()) }
    }

    #[test]
    fn without_ipv6_the_default_address_becomes_all_ipv4_addresses_on_the_same_port() {
        const EADDRNOTAVAIL: i32 = 99;
        for errno in [EAFNOSUPPORT, EADDRNOTAVAIL] {
            let ((), address) = bind_players(&config(None), without_ipv6(errno)).unwrap();
            assert_eq!(address.to_string(), "0.0.0.0:7777");
        }
    }

    #[test]
    fn an_address_that_was_set_is_not_replaced() {
        for address in ["[::]:7777", "[::1]:7777"] {
            let error = bind_players(&config(Some(address)), without_ipv6(EAFNOSUPPORT)).unwrap_err();
            assert_eq!(error.address.to_string(), address);
        }
    }

    #[test]
    fn another_error_of_the_default_address_is_not_a_lack_of_ipv6() {
        let in_use = |_| Err::<(), _>(io::ErrorKind::AddrInUse.into());
        let error = bind_players(&config(None), in_use).unwrap_err();
        assert_eq!(error.address.to_string(), "[::]:7777");
    }
}
