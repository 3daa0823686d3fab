//! What a run is to be: from arguments to a plan that is known to make sense.

use std::{
    net::{SocketAddr, ToSocketAddrs},
    path::PathBuf,
    time::Duration,
};

use clap::Args;
use quarrel_shared::{
    game::{Game, GameRng},
    id::RoomId,
    protocol::JoinTarget,
};

use super::{duration, server_metrics::HttpAddress};
use crate::{
    connect::ConnectConfig,
    tls::{Trust, TrustError},
};

/// The arguments of `swarm run`.
#[derive(Clone, Debug, Args)]
pub struct RunArguments {
    /// The server to play on, host and port.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:7777")]
    pub server: String,
    /// How many bots play.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    pub bots: u32,
    /// How long they play once all have come, as in 20s or 2m.
    #[arg(long, value_name = "TIME", default_value = "20s", value_parser = duration::parse)]
    pub duration: Duration,
    /// Over what time they come, evenly.
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = duration::parse)]
    pub ramp: Duration,
    /// How they play: one of the game's skills, its first one by default.
    #[arg(long, value_name = "SKILL")]
    pub brain: Option<String>,
    /// Where all the bots' randomness comes from.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// The room to join; by default the first with a seat.
    #[arg(long, value_name = "ID")]
    pub room: Option<RoomId>,
    /// Where to write the report, as JSON.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Trust the one certificate with this SHA-256, in hexadecimal; colons may stand between the bytes.
    #[arg(long, value_name = "HEX", value_parser = parse_hash, conflicts_with = "roots")]
    pub cert_hash: Option<[u8; 32]>,
    /// Trust certificates that chain to the roots in this PEM file.
    #[arg(long, value_name = "FILE")]
    pub roots: Option<PathBuf>,
    /// The server's HTTP address, as in http://127.0.0.1:7780: adds the server's own figures to the report.
    #[arg(long, value_name = "URL")]
    pub server_http: Option<HttpAddress>,
    /// How many threads the bots share.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub threads: u32,
}

/// A run that can be made.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Which server, and how to know it.
    pub connect: ConnectConfig,
    /// How many bots.
    pub bots: u32,
    /// How long all of them play.
    pub duration: Duration,
    /// Over what time they come.
    pub ramp: Duration,
    /// Which skill; `None` for a game without bots, whose seats then want nothing.
    pub brain: Option<String>,
    /// Where all randomness comes from.
    pub seed: u64,
    /// Which room.
    pub target: JoinTarget,
    /// How many threads the bots share.
    pub threads: u32,
    /// Where the server tells its own figures.
    pub server_http: Option<HttpAddress>,
}

/// Why the arguments make no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The server's address cannot be found.
    #[error("--server {server}: {why}; give a host and a port, as in 127.0.0.1:7777")]
    Server {
        /// As it was given.
        server: String,
        /// What is wrong with it.
        why: String,
    },
    /// A server elsewhere, and no way to know it.
    #[error(
        "{0} is not on this machine, so its certificate must be known: give --cert-hash HEX (the server's /v1/certificate \
         says it) or --roots FILE"
    )]
    Untrusted(SocketAddr),
    /// The roots cannot be used.
    #[error("--roots: {0}")]
    Roots(#[from] TrustError),
    /// The game has no such bots.
    #[error("--brain {brain}: {game} has {}", skills.join(", "))]
    Brain {
        /// As it was given.
        brain: String,
        /// Which game.
        game: &'static str,
        /// What would do.
        skills: &'static [&'static str],
    },
}

impl RunArguments {
    /// The plan for a game.
    ///
    /// # Errors
    /// When the arguments contradict each other, the game, or the network.
    pub fn plan<G: Game>(&self) -> Result<Plan, PlanError> {
        let server = resolve(&self.server)?;
        let server_name = self.server.rsplit_once(':').map_or("", |(host, _)| host).trim_matches(['[', ']']);
        let connect = ConnectConfig {
            server,
            server_name: server_name.to_owned(),
            trust: self.trust(server)?,
            name: "bot".to_owned(),
        };
        Ok(Plan {
            connect,
            bots: self.bots,
            duration: self.duration,
            ramp: self.ramp,
            brain: self.skill::<G>()?,
            seed: self.seed,
            target: self.room.map_or(JoinTarget::Quick, JoinTarget::Room),
            threads: self.threads.min(self.bots),
            server_http: self.server_http.clone(),
        })
    }

    fn trust(&self, server: SocketAddr) -> Result<Trust, PlanError> {
        match (&self.cert_hash, &self.roots) {
            (Some(hash), _) => Ok(Trust::CertificateHash(*hash)),
            (None, Some(path)) => Ok(Trust::roots(path)?),
            (None, None) if server.ip().to_canonical().is_loopback() => Ok(Trust::Loopback),
            (None, None) => Err(PlanError::Untrusted(server)),
        }
    }

    fn skill<G: Game>(&self) -> Result<Option<String>, PlanError> {
        match &self.brain {
            None => Ok(G::SKILLS.first().map(|skill| (*skill).to_owned())),
            Some(brain) if G::SKILLS.contains(&brain.as_str()) => Ok(Some(brain.clone())),
            Some(brain) => Err(PlanError::Brain { brain: brain.clone(), game: G::NAME, skills: G::SKILLS }),
        }
    }
}

impl Plan {
    /// Whether the server's certificate is not looked at.
    #[must_use]
    pub const fn trusts_anybody(&self) -> bool {
        matches!(self.connect.trust, Trust::Loopback)
    }

    /// When a bot comes, after the run's start: in its own share of the ramp, somewhere.
    #[must_use]
    pub fn arrival(&self, bot: u32) -> Duration {
        let share = self.ramp / self.bots;
        let within = GameRng::new(self.seed, u64::from(bot)).next_u32();
        share * bot + share.mul_f64(f64::from(within) / (f64::from(u32::MAX) + 1.0))
    }

    /// Where one bot's decisions come from.
    #[must_use]
    pub fn brain_seed(&self, bot: u32) -> u64 {
        let mut rng = GameRng::new(self.seed, u64::from(bot));
        rng.next_u32();
        rng.next_u64()
    }
}

fn resolve(server: &str) -> Result<SocketAddr, PlanError> {
    let wrong = |why: String| PlanError::Server { server: server.to_owned(), why };
    let mut found = server.to_socket_addrs().map_err(|error| wrong(error.to_string()))?;
    found.next().ok_or_else(|| wrong("there is no such host".to_owned()))
}

fn parse_hash(text: &str) -> Result<[u8; 32], String> {
    let wrong = || "a SHA-256 is 64 hexadecimal digits".to_owned();
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
    use clap::Parser;
    use quarrel_shared::crowd::Crowd;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        run: RunArguments,
    }

    fn plan(line: &str) -> Result<Plan, PlanError> {
        Line::try_parse_from(std::iter::once("run").chain(line.split_whitespace()))
            .unwrap()
            .run
            .plan::<Crowd>()
    }

    #[test]
    fn without_arguments_a_hundred_bots_play_on_this_machine() {
        let plan = plan("").unwrap();
        assert_eq!(
            (plan.bots, plan.duration, plan.ramp),
            (100, Duration::from_secs(20), Duration::from_secs(2))
        );
        assert_eq!(plan.connect.server, "127.0.0.1:7777".parse().unwrap());
        assert_eq!(plan.brain.as_deref(), Some("stroll"));
        assert!(plan.trusts_anybody());
    }

    #[test]
    fn a_server_elsewhere_must_be_known_by_hash_or_roots() {
        let error = plan("--server 192.0.2.1:7777").unwrap_err().to_string();
        assert!(error.contains("--cert-hash") && error.contains("--roots"), "{error}");
        let hash = "ab:".repeat(31) + "ab";
        let plan = plan(&format!("--server 192.0.2.1:7777 --cert-hash {hash}")).unwrap();
        assert!(matches!(plan.connect.trust, Trust::CertificateHash(hash) if hash == [0xab; 32]));
    }

    #[test]
    fn a_skill_that_the_game_has_not_is_refused_with_those_it_has() {
        let error = plan("--brain sprint").unwrap_err().to_string();
        assert!(error.contains("stroll"), "{error}");
    }

    #[test]
    fn a_hash_that_is_none_is_refused() {
        assert!(parse_hash("abcd").is_err());
        assert!(parse_hash(&"g".repeat(64)).is_err());
    }

    #[test]
    fn bots_come_evenly_and_the_same_seed_brings_them_at_the_same_times() {
        let plan = plan("--bots 50 --ramp 5s").unwrap();
        for bot in 0..50 {
            let share = Duration::from_millis(100);
            let arrival = plan.arrival(bot);
            assert!((share * bot..share * (bot + 1)).contains(&arrival), "bot {bot} comes at {arrival:?}");
            assert_eq!(arrival, plan.arrival(bot));
        }
    }
}
