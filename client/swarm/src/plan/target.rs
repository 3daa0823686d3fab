//! The server of a group of bots: its address and how its certificate is known, looked up where the bots are.

use std::{
    net::{SocketAddr, ToSocketAddrs},
    path::Path,
};

use serde::{Deserialize, Serialize};

use super::{Group, Plan, PlanError};
use quarrel_client::{ConnectConfig, Trust};

/// Servers that can be connected to, one for each group of a plan.
#[derive(Clone, Debug)]
pub struct Target {
    /// Which server, and how to know it.
    pub connect: ConnectConfig,
}

/// How servers are known, as it travels to other machines: what files hold, and not where they are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trusted {
    /// The roots, in PEM.
    pub roots: Option<String>,
}

impl Trusted {
    /// Reads what the plan names.
    ///
    /// # Errors
    /// When a file cannot be read, or holds no certificates.
    pub fn read(plan: &Plan) -> Result<Self, PlanError> {
        let read = |path: &String| {
            let wrong = |why: String| PlanError::at(["roots"], why);
            let pem = std::fs::read_to_string(path).map_err(|error| wrong(format!("{path}: {error}")))?;
            let trust = Trust::parse_roots(pem.as_bytes(), Path::new(path));
            trust.map(|_| pem).map_err(|error| wrong(error.to_string()))
        };
        Ok(Self { roots: plan.roots.as_ref().map(read).transpose()? })
    }
}

impl Target {
    /// The servers of all groups.
    ///
    /// # Errors
    /// When one cannot be found, or could be anybody.
    pub fn of(plan: &Plan, trusted: &Trusted) -> Result<Vec<Self>, PlanError> {
        let of = |(index, group): (usize, &Group)| match &group.server {
            None => Self::resolve(&plan.server, plan, trusted),
            Some(server) => Self::resolve(server, plan, trusted).map_err(|error| match error.path()[..] {
                ["server"] => error.within(["bots", &index.to_string()]),
                _ => error,
            }),
        };
        plan.bots.iter().enumerate().map(of).collect()
    }

    /// Whether the server's certificate is not looked at.
    #[must_use]
    pub const fn trusts_anybody(&self) -> bool {
        matches!(self.connect.trust, Trust::Loopback)
    }

    fn resolve(server: &str, plan: &Plan, trusted: &Trusted) -> Result<Self, PlanError> {
        let mut found = server.to_socket_addrs().map_err(|error| no_address(server, &error.to_string()))?;
        let address = found.next().ok_or_else(|| no_address(server, "there is no such host"))?;
        let name = server.rsplit_once(':').map_or("", |(host, _)| host).trim_matches(['[', ']']);
        let connect = ConnectConfig {
            server: address,
            server_name: name.to_owned(),
            trust: trust(address, plan, trusted)?,
            name: "bot".to_owned(),
        };
        Ok(Self { connect })
    }
}

/// Whether this can be a host and a port; who that is, is looked up where the bots are.
pub(super) fn check_address(server: &str) -> Result<(), PlanError> {
    let (host, port) = server.rsplit_once(':').unwrap_or((server, ""));
    match port.parse::<u16>() {
        _ if host.is_empty() => Err(no_address(server, "there is no host in it")),
        Err(_) => Err(no_address(server, "there is no port in it")),
        Ok(_) => Ok(()),
    }
}

fn no_address(server: &str, why: &str) -> PlanError {
    PlanError::at(["server"], format!("{server}: {why}; give a host and a port, as in 127.0.0.1:7777"))
}

fn trust(server: SocketAddr, plan: &Plan, trusted: &Trusted) -> Result<Trust, PlanError> {
    if let Some(hash) = &plan.cert_hash {
        return parse_hash(hash).map(Trust::CertificateHash).map_err(|why| PlanError::at(["cert_hash"], why));
    }
    if let Some(pem) = &trusted.roots {
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
            "{server} is not on this machine, so its certificate must be known: give --cert-hash HEX (the server's \
             /v1/certificate says it) or --roots FILE"
        ),
    ))
}

/// A SHA-256 in hexadecimal; colons may stand between the bytes.
pub(super) fn parse_hash(text: &str) -> Result<[u8; 32], String> {
    let wrong = || format!("'{text}' is no SHA-256: that is 64 hexadecimal digits");
    let digits: Vec<u8> = text
        .chars()
        .filter(|c| *c != ':')
        .map(|c| c.to_digit(16).map(|digit| digit as u8))
        .collect::<Option<_>>()
        .ok_or_else(wrong)?;
    if digits.len() != 64 {
        return Err(wrong());
    }
    let mut hash = [0; 32];
    for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = pair[0] << 4 | pair[1];
    }
    Ok(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(server: &str, cert_hash: Option<String>) -> Result<Target, PlanError> {
        let plan = Plan { server: server.to_owned(), cert_hash, ..Plan::default() };
        Target::of(&plan, &Trusted::default()).map(|targets| targets[0].clone())
    }

    #[test]
    fn a_server_elsewhere_must_be_known_by_hash_or_roots() {
        let error = target("192.0.2.1:7777", None).unwrap_err().to_string();
        assert!(error.contains("--cert-hash") && error.contains("--roots"), "{error}");
        let target = target("192.0.2.1:7777", Some("ab:".repeat(31) + "ab")).unwrap();
        assert!(matches!(target.connect.trust, Trust::CertificateHash(hash) if hash == [0xab; 32]));
    }

    #[test]
    fn an_address_that_is_none_is_told_what_one_looks_like() {
        let error = target("here", None).unwrap_err().to_string();
        assert!(error.starts_with("--server: here: ") && error.contains("127.0.0.1:7777"), "{error}");
        assert!(target("127.0.0.1:7777", None).unwrap().trusts_anybody());
    }

    #[test]
    fn a_hash_that_is_none_is_refused() {
        assert!(parse_hash("abcd").is_err());
        assert!(parse_hash(&"g".repeat(64)).is_err());
    }
}
