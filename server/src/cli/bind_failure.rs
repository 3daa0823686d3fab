//! The failure to bind an address, for `quarrel serve` and `quarrel check` alike.

use std::{io, net::SocketAddr};

use super::ExitCode;
use crate::net::listen::lacks_ipv6;

/// The message and exit code of an address that cannot be bound.
#[derive(Debug, PartialEq, Eq)]
pub struct BindFailure {
    /// The address, the reason, and the setting that changes the address.
    pub message: String,
    /// 69 when another process uses the address; 75 for a reason that may pass, such as an address that this machine does not have yet; 78
    /// for any other reason.
    pub code: ExitCode,
}

/// Describes the failure to bind `address`, which the configuration key `key` and its flag `flag` set.
pub fn bind_failure(error: &io::Error, address: SocketAddr, key: &str, flag: &str) -> BindFailure {
    match error.kind() {
        io::ErrorKind::AddrInUse => BindFailure {
            message: format!(
                "{address} is in use by another process; stop that process, or change {key} ({flag})"
            ),
            code: ExitCode::InUse,
        },
        _ => {
            let ipv4 = if lacks_ipv6(address, error) {
                format!(", for example to 0.0.0.0:{} if this machine has no IPv6", address.port())
            } else {
                String::new()
            };
            BindFailure {
                message: format!("cannot listen on {address}: {error}; change {key} ({flag}){ipv4}"),
                code: ExitCode::of(error, ExitCode::Configuration),
            }
        }
    }
}
