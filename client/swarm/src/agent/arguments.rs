//! The command line of agents and of coordinators.

use std::{
    env,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use clap::Args;

use super::{
    address::{DEFAULT_PORT, parse_listen},
    key::{KEY_VARIABLE, KeyError, SwarmKey},
};

/// The flags of `swarm agent`.
#[derive(Clone, Debug, Args)]
pub struct AgentArguments {
    /// Listen on this address, as in 0.0.0.0:7790; an agent without a key listens on a loopback address only. Port 0 takes any free port.
    #[arg(long, value_name = "ADDRESS", value_parser = parse_listen,
          default_value_t = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), DEFAULT_PORT))]
    pub listen: SocketAddr,
    /// Read the key that coordinators must have from a file [default: the variable QUARREL_SWARM_KEY]. Make a key with
    /// `head -c 32 /dev/urandom | base64`.
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
}

/// The flags of a coordinator.
#[derive(Clone, Debug, Default, Args)]
pub struct CoordinatorArguments {
    /// Run the bots on these agents instead of this machine, as in loads-1,loads-2:7790; start `swarm agent` on each first.
    #[arg(long, value_name = "HOST[:PORT],...", value_delimiter = ',')]
    pub agents: Vec<String>,
    /// Read the agents' key from a file [default: the variable QUARREL_SWARM_KEY].
    #[arg(long, value_name = "FILE", requires = "agents")]
    pub key_file: Option<PathBuf>,
}

impl AgentArguments {
    /// Returns the key in the file of `--key-file` or else in the environment variable; `None` without both.
    ///
    /// # Errors
    /// When the file cannot be read, or the key is too short.
    pub fn key(&self) -> Result<Option<SwarmKey>, KeyError> {
        SwarmKey::find(self.key_file.as_deref(), env::var_os(KEY_VARIABLE).as_deref())
    }
}

impl CoordinatorArguments {
    /// Returns the key in the file of `--key-file` or else in the environment variable; `None` without both.
    ///
    /// # Errors
    /// When the file cannot be read, or the key is too short.
    pub fn key(&self) -> Result<Option<SwarmKey>, KeyError> {
        SwarmKey::find(self.key_file.as_deref(), env::var_os(KEY_VARIABLE).as_deref())
    }
}
