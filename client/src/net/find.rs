//! The address of a server that has a name: the first of the name's addresses at which the server answers.
//!
//! A name can have addresses at which its server does not listen: `localhost` is `::1` and `127.0.0.1`, and a server with one of them does
//! not answer at the other. Nothing refuses a QUIC packet there, so all addresses are tried at the same time, each with a QUIC handshake.

use std::{io, net::SocketAddr, time::Duration};

use quarrel_shared::protocol::CloseReason;
use tokio::{net::lookup_host, task::JoinSet, time::timeout};

use super::{
    connect::{ConnectConfig, ConnectError, Connector},
    tls::Trust,
    transport::open_endpoint,
};

/// The maximum number of addresses that are tried: a name of a game server has one or two, and one for each of its networks.
const MAX_ADDRESSES: usize = 8;

/// The time limit for the name look-up, and then for an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// The error of a name at which no server can be found.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// The name cannot be resolved.
    #[error("{server} cannot be resolved: {error}; give a host and a port, as in play.example:7777")]
    Unresolved {
        /// The host and port.
        server: String,
        /// The system's error.
        error: io::Error,
    },
    /// No server answered at any of the addresses.
    #[error("no server answered; tried {}: check the address, and that a server is running there", list(.0))]
    NoAnswer(Vec<(SocketAddr, ConnectError)>),
}

/// Resolves `server`, a host and a port, and returns the configuration of the first address at which a server answers. A name with one
/// address is not tried, because connecting tries it.
///
/// # Errors
/// When the name cannot be resolved, or has several addresses and no server answers within 5 s.
///
/// # Panics
/// Outside of a tokio runtime.
pub async fn find_server(server: &str, trust: Trust) -> Result<ConnectConfig, FindError> {
    let addresses =
        resolve(server).await.map_err(|error| FindError::Unresolved { server: server.to_owned(), error })?;
    let host = server.rsplit_once(':').map_or("", |(host, _)| host).trim_matches(['[', ']']);
    let config = |server| ConnectConfig {
        server_name: host.to_owned(),
        trust: trust.clone(),
        ..ConnectConfig::new(server)
    };
    find_answering(addresses.into_iter().map(config).collect()).await
}

/// Returns the first of these configurations with which a QUIC handshake succeeds. A single one is returned without a handshake.
///
/// # Errors
/// When there are several and no server answers within 5 s; the error lists all.
///
/// # Panics
/// Outside of a tokio runtime.
pub async fn find_answering(configs: Vec<ConnectConfig>) -> Result<ConnectConfig, FindError> {
    if let [config] = &configs[..] {
        return Ok(config.clone());
    }
    let mut probes = JoinSet::new();
    for (index, config) in configs.into_iter().enumerate() {
        probes.spawn(async move { (index, probe(&config).await, config) });
    }
    let mut tried = Vec::new();
    while let Some(probe) = probes.join_next().await {
        match probe {
            Ok((_, Ok(()), config)) => return Ok(config),
            Ok((index, Err(error), config)) => tried.push((index, config.server, error)),
            Err(_) => {}
        }
    }
    tried.sort_by_key(|(index, ..)| *index);
    Err(FindError::NoAnswer(tried.into_iter().map(|(_, server, error)| (server, error)).collect()))
}

/// Returns the distinct addresses of a host and port.
async fn resolve(server: &str) -> io::Result<Vec<SocketAddr>> {
    let found = timeout(ANSWER_TIMEOUT, lookup_host(server)).await;
    let found = found.map_err(|_| io::Error::other("no answer of the name service"))??;
    let mut addresses = Vec::new();
    for address in found {
        if addresses.len() < MAX_ADDRESSES && !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if addresses.is_empty() { Err(io::Error::other("the name has no address")) } else { Ok(addresses) }
}

/// Completes a QUIC handshake, and closes the connection.
async fn probe(config: &ConnectConfig) -> Result<(), ConnectError> {
    let connector = Connector::new(open_endpoint(config.server)?, config)?;
    let answer = timeout(ANSWER_TIMEOUT, connector.open_quic()?).await;
    let answer = answer.map_err(|_| ConnectError::Unreachable(config.server))?;
    let connection = answer.map_err(|error| connector.failure(&error))?;
    connection.close(CloseReason::Left.code().into(), CloseReason::Left.name().as_bytes());
    Ok(())
}

fn list(tried: &[(SocketAddr, ConnectError)]) -> String {
    let entry = |(server, error): &(SocketAddr, ConnectError)| match error {
        ConnectError::Unreachable(_) => format!("{server} (no answer)"),
        error => format!("{server} ({error})"),
    };
    tried.iter().map(entry).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_is_found_without_a_server() {
        let found = find_server("127.0.0.1:7", Trust::Loopback).await.unwrap();
        assert_eq!((found.server.port(), found.server_name.as_str()), (7, "127.0.0.1"));
        let found = find_server("[::1]:7", Trust::Loopback).await.unwrap();
        assert_eq!((found.server.is_ipv6(), found.server_name.as_str()), (true, "::1"));
    }

    #[tokio::test]
    async fn a_name_that_cannot_be_resolved_is_an_error_with_an_example() {
        for server in ["here", "no.such.invalid:7777"] {
            let error = find_server(server, Trust::Loopback).await.unwrap_err().to_string();
            assert!(error.starts_with(server) && error.contains("play.example:7777"), "{error}");
        }
    }

    #[tokio::test]
    async fn addresses_without_a_server_are_listed_with_their_reasons() {
        let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let addresses = [silent.local_addr().unwrap(), "192.0.2.1:7777".parse().unwrap()];
        let error = find_answering(addresses.map(ConnectConfig::new).to_vec()).await.unwrap_err();
        let text = error.to_string();
        let [silent, remote] = addresses;
        assert!(
            text.contains(&format!("tried {silent} (no answer), {remote} (the server's address")),
            "{text}"
        );
    }
}
