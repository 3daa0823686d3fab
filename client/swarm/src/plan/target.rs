//! The server of a group of bots: its resolved address, and which certificate to trust.
//!
//! Addresses are resolved on the machine that runs the bots, which may be that of an agent.

use std::{
    collections::BTreeMap,
    net::{SocketAddr, ToSocketAddrs},
    path::Path,
};

use serde::{Deserialize, Serialize};

use super::{
    BotGroup, Plan, PlanError,
    address::{invalid, parse_hash},
};
use quarrel_client::{ConnectConfig, FindError, Trust, find_answering};

/// The maximum number of addresses of a host that are tried.
const MAX_ADDRESSES: usize = 8;

/// A server that bots can connect to.
#[derive(Clone, Debug)]
pub struct ServerTarget {
    /// The server's address, and the trust in its certificate. With several candidates, the first of them until
    /// [`Self::find_answering`] returns.
    pub connect: ConnectConfig,
    /// A configuration for each address of the server's host.
    candidates: Vec<ConnectConfig>,
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

    /// Selects for each target the first of its addresses at which a server answers. Requires a tokio runtime.
    ///
    /// # Errors
    /// When a host has several addresses and no server answers at any of them; the error lists them.
    pub async fn find_answering(targets: &mut [Self]) -> Result<(), FindError> {
        let mut found: BTreeMap<Vec<SocketAddr>, SocketAddr> = BTreeMap::new();
        for target in targets {
            let addresses = target.candidates.iter().map(|candidate| candidate.server).collect();
            target.connect.server = match found.get(&addresses) {
                Some(server) => *server,
                None => {
                    let server = find_answering(target.candidates.clone()).await?.server;
                    found.insert(addresses, server);
                    server
                }
            };
        }
        Ok(())
    }

    /// Resolves one server to all addresses of its host.
    fn resolve(server: &str, plan: &Plan, roots: &TrustRoots) -> Result<Self, PlanError> {
        let addresses = server.to_socket_addrs().map_err(|error| invalid(server, &error.to_string()))?;
        let mut distinct = Vec::new();
        for address in addresses {
            if distinct.len() < MAX_ADDRESSES && !distinct.contains(&address) {
                distinct.push(address);
            }
        }
        let trust = trust(&mut distinct, plan, roots)?;
        let name = server.rsplit_once(':').map_or("", |(host, _)| host).trim_matches(['[', ']']);
        let config = |address| ConnectConfig {
            server: address,
            server_name: name.to_owned(),
            trust: trust.clone(),
            name: "bot".to_owned(),
        };
        let candidates: Vec<_> = distinct.into_iter().map(config).collect();
        let connect =
            candidates.first().cloned().ok_or_else(|| invalid(server, "the host has no address"))?;
        Ok(Self { connect, candidates })
    }
}

/// Returns the trust in a server's certificate: the plan's hash, or else its roots, or else any certificate if the server is on loopback.
/// Keeps only the addresses with which the trust can be used.
fn trust(addresses: &mut Vec<SocketAddr>, plan: &Plan, roots: &TrustRoots) -> Result<Trust, PlanError> {
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
    let (loopback, others): (Vec<_>, Vec<_>) =
        addresses.drain(..).partition(|address| address.ip().to_canonical().is_loopback());
    *addresses = loopback;
    match others.first() {
        Some(server) if addresses.is_empty() => Err(PlanError::at(
            ["server"],
            format!(
                "{server} is not on this machine, so its certificate must be known: give --cert-hash HEX (from the server's \
                 /v1/certificate) or --roots FILE"
            ),
        )),
        _ => Ok(Trust::Loopback),
    }
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
