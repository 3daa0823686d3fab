//! The server of a group of bots: its resolved address, and which certificate to trust.
//!
//! Addresses are resolved on the machine that runs the bots, which may be that of an agent.

use std::{
    net::{SocketAddr, ToSocketAddrs},
    path::Path,
};

use serde::{Deserialize, Serialize};

use super::{
    BotGroup, Plan, PlanError,
    address::{invalid, parse_hash},
};
use quarrel_client::{ConnectConfig, Trust};

/// A server that bots can connect to.
#[derive(Clone, Debug)]
pub struct ServerTarget {
    /// The server's address, and the trust in its certificate.
    pub connect: ConnectConfig,
}

/// The content of the file of root certificates that a plan names. It is sent to agents, which do not have the file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrustRoots {
    /// The root certificates, in PEM; `None` if the plan names no file.
    pub roots: Option<String>,
}

impl TrustRoots {
    /// Reads the file that the plan names.
    ///
    /// # Errors
    /// When the file cannot be read or contains no usable certificate.
    pub fn read(plan: &Plan) -> Result<Self, PlanError> {
        let read = |path: &String| {
            let wrong = |message: String| PlanError::at(["roots"], message);
            let pem = std::fs::read_to_string(path).map_err(|error| wrong(format!("{path}: {error}")))?;
            let trust = Trust::parse_roots(pem.as_bytes(), Path::new(path));
            trust.map(|_| pem).map_err(|error| wrong(error.to_string()))
        };
        Ok(Self { roots: plan.roots.as_ref().map(read).transpose()? })
    }
}

impl ServerTarget {
    /// Resolves the servers of all groups, in the groups' order.
    ///
    /// # Errors
    /// When a host cannot be resolved, or the plan names no trust for a server on another machine.
    pub fn resolve_all(plan: &Plan, roots: &TrustRoots) -> Result<Vec<Self>, PlanError> {
        let of = |(index, group): (usize, &BotGroup)| match &group.server {
            None => Self::resolve(&plan.server, plan, roots),
            Some(server) => Self::resolve(server, plan, roots).map_err(|error| match error.path()[..] {
                ["server"] => error.within(["bots", &index.to_string()]),
                _ => error,
            }),
        };
        plan.bots.iter().enumerate().map(of).collect()
    }

    /// Returns true if any certificate is accepted, as from a server on a loopback address without other trust in the plan.
    #[must_use]
    pub const fn trusts_any_certificate(&self) -> bool {
        matches!(self.connect.trust, Trust::Loopback)
    }

    /// Resolves one server to the first address of its host.
    fn resolve(server: &str, plan: &Plan, roots: &TrustRoots) -> Result<Self, PlanError> {
        let mut addresses = server.to_socket_addrs().map_err(|error| invalid(server, &error.to_string()))?;
        let address = addresses.next().ok_or_else(|| invalid(server, "the host has no address"))?;
        let name = server.rsplit_once(':').map_or("", |(host, _)| host).trim_matches(['[', ']']);
        let connect = ConnectConfig {
            server: address,
            server_name: name.to_owned(),
            trust: trust(address, plan, roots)?,
            name: "bot".to_owned(),
        };
        Ok(Self { connect })
    }
}

/// Returns the trust in a server's certificate: the plan's hash, or else its roots, or else any certificate if the server is on loopback.
fn trust(server: SocketAddr, plan: &Plan, roots: &TrustRoots) -> Result<Trust, PlanError> {
    if let Some(hash) = &plan.cert_hash {
        return parse_hash(hash)
            .map(Trust::CertificateHash)
            .map_err(|message| PlanError::at(["cert_hash"], message));
    }
    if let Some(pem) = &roots.roots {
        let from = Path::new(plan.roots.as_deref().unwrap_or("the plan's roots"));
        return Trust::parse_roots(pem.as_bytes(), from)
            .map_err(|error| PlanError::at(["roots"], error.to_string()));
    }
    if server.ip().to_canonical().is_loopback() {
        return Ok(Trust::Loopback);
    }
    Err(PlanError::at(
        ["server"],
        format!(
            "{server} is not on this machine, so its certificate must be known: give --cert-hash HEX (from the server's \
             /v1/certificate) or --roots FILE"
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(server: &str, cert_hash: Option<String>) -> Result<ServerTarget, PlanError> {
        let plan = Plan { server: server.to_owned(), cert_hash, ..Plan::default() };
        ServerTarget::resolve_all(&plan, &TrustRoots::default()).map(|targets| targets[0].clone())
    }

    #[test]
    fn a_server_elsewhere_must_be_known_by_hash_or_roots() {
        let error = target("192.0.2.1:7777", None).unwrap_err().to_string();
        assert!(error.contains("--cert-hash") && error.contains("--roots"), "{error}");
        let target = target("192.0.2.1:7777", Some("ab:".repeat(31) + "ab")).unwrap();
        assert!(matches!(target.connect.trust, Trust::CertificateHash(hash) if hash == [0xab; 32]));
    }

    #[test]
    fn a_malformed_address_is_refused_with_an_example() {
        let error = target("here", None).unwrap_err().to_string();
        assert!(error.starts_with("--server: here: ") && error.contains("127.0.0.1:7777"), "{error}");
        assert!(target("127.0.0.1:7777", None).unwrap().trusts_any_certificate());
    }
}
