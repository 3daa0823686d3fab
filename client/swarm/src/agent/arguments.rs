//! The command line of agents and of those who lead them.

use std::{
    env,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use clap::Args;

use super::{DEFAULT_PORT, KEY_VARIABLE, Key, KeyError};

/// Where an agent waits.
#[derive(Clone, Debug, Args)]
pub struct AgentArguments {
    /// Where to listen, as in 0.0.0.0:7790; without a key on this machine alone. Port 0 is any.
    #[arg(long, value_name = "ADDRESS", value_parser = address,
          default_value_t = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), DEFAULT_PORT))]
    pub listen: SocketAddr,
    /// The key that coordinators must have, in a file; or in QUARREL_SWARM_KEY. `head -c 32 /dev/urandom | base64` makes a good one.
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
}

/// Which agents play.
#[derive(Clone, Debug, Default, Args)]
pub struct LeadArguments {
    /// Have these play instead of this machine, as in loads-1,loads-2:7790; on each, `swarm agent` waits.
    #[arg(long, value_name = "HOST[:PORT],...", value_delimiter = ',')]
    pub agents: Vec<String>,
    /// The key that the agents have, in a file; or in QUARREL_SWARM_KEY.
    #[arg(long, value_name = "FILE", requires = "agents")]
    pub key_file: Option<PathBuf>,
}

impl AgentArguments {
    /// The key, if there is one.
    ///
    /// # Errors
    /// When it cannot be read, or can be guessed.
    pub fn key(&self) -> Result<Option<Key>, KeyError> {
        Key::find(self.key_file.as_deref(), env::var(KEY_VARIABLE).ok().as_deref())
    }
}

impl LeadArguments {
    /// The key, if there is one.
    ///
    /// # Errors
    /// When it cannot be read, or can be guessed.
    pub fn key(&self) -> Result<Option<Key>, KeyError> {
        Key::find(self.key_file.as_deref(), env::var(KEY_VARIABLE).ok().as_deref())
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let alone = || text.parse().map(|ip: IpAddr| SocketAddr::new(ip, DEFAULT_PORT));
    text.parse()
        .or_else(|_| alone())
        .map_err(|_| format!("'{text}' is no address, as in 0.0.0.0:{DEFAULT_PORT}"))
}
