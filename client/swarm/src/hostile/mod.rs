//! Hostile bots, which attack a server while other bots play: a server must withstand them without harm to other players.
//!
//! A hostile bot connects repeatedly, as a real attacker would. When the server closes or refuses a session, the bot counts the close
//! reason, and after a pause starts the next session. The rate of each attack is bounded; a load test sets the number of bots.
//!
//! - [`HostileRecord`]: the counts of an attack.
//! - `session`: one session from the handshake to its end. It uses the wire protocol directly, without the client library's driver.
//! - The attacks: `garbage`, `flood`, `forged`, `slow_reader`; and `half_open`, which never completes a handshake.

mod record;

mod session;

mod flood;
mod forged;
mod garbage;
mod half_open;
mod slow_reader;

use std::{fmt, io, str::FromStr, time::Duration};

use quarrel_shared::{game::Game, protocol::JoinTarget};
use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

pub use self::record::HostileRecord;
use self::{
    flood::Flood,
    forged::Forged,
    garbage::Garbage,
    session::{Attack, run_session},
    slow_reader::SlowReader,
};
use quarrel_client::Connector;

/// The pause between two sessions. Two handshakes a second are within a server's limit for one address, so that the attack gets past the
/// handshake.
const PAUSE: Duration = Duration::from_millis(500);

/// The kind of an attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostileKind {
    /// Sends random bytes, as datagrams in one session and on the control stream in the next.
    Garbage,
    /// Sends at fifty times a player's rate: inputs in one session, chat lines in the next.
    Flood,
    /// Sends inputs for ticks long past and far ahead, and acknowledges snapshots that it cannot have.
    Forged,
    /// Starts handshakes and completes none.
    HalfOpen,
    /// Sends valid inputs, and reads nothing from the server.
    SlowReader,
}

/// The error of a name that is not a kind of hostile bot.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a kind of hostile bot; the kinds are garbage, flood, forged, half_open, slow_reader")]
pub struct UnknownKind(pub String);

impl HostileKind {
    /// All kinds.
    pub const ALL: [Self; 5] = [Self::Garbage, Self::Flood, Self::Forged, Self::HalfOpen, Self::SlowReader];

    /// Returns the name in plans and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Garbage => "garbage",
            Self::Flood => "flood",
            Self::Forged => "forged",
            Self::HalfOpen => "half_open",
            Self::SlowReader => "slow_reader",
        }
    }
}

impl FromStr for HostileKind {
    type Err = UnknownKind;

    fn from_str(name: &str) -> Result<Self, UnknownKind> {
        Self::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| UnknownKind(name.to_owned()))
    }
}

impl fmt::Display for HostileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Attacks a server, session after session, until the future `until` completes, and returns the counts. The last session, which `until`
/// cuts short, is counted in [`HostileRecord::lives`] and not in [`HostileRecord::closes`].
///
/// Bots that play should not share the connector's endpoint, because its socket carries the attack. Half-open handshakes use their own
/// socket.
///
/// # Errors
/// When the system provides no socket for half-open handshakes.
pub async fn attack<G: Game>(
    kind: HostileKind,
    connector: &Connector,
    target: JoinTarget,
    seed: u64,
    until: impl Future<Output = ()> + Send,
) -> io::Result<HostileRecord> {
    let mut record = HostileRecord::default();
    let sessions = async {
        match kind {
            HostileKind::Garbage => run_sessions::<G, Garbage>(connector, target, seed, &mut record).await,
            HostileKind::Flood => run_sessions::<G, Flood>(connector, target, seed, &mut record).await,
            HostileKind::Forged => run_sessions::<G, Forged>(connector, target, seed, &mut record).await,
            HostileKind::HalfOpen => half_open::run(connector, &mut record).await,
            HostileKind::SlowReader => {
                let connector = connector.with_transport(slow_reader::transport());
                run_sessions::<G, SlowReader>(&connector, target, seed, &mut record).await
            }
        }
    };
    tokio::select! {
        biased;
        () = until => {}
        failed = sessions => failed?,
    }
    Ok(record)
}

/// Runs one session after the other until the returned future is dropped.
async fn run_sessions<G: Game, A: Attack>(
    connector: &Connector,
    target: JoinTarget,
    seed: u64,
    record: &mut HostileRecord,
) -> io::Result<()> {
    let mut rng = Pcg64::seed_from_u64(seed);
    loop {
        let mut attack = A::new(record.lives, Pcg64::seed_from_u64(rng.random()));
        record.lives += 1;
        let end = run_session::<G, A>(connector, target, &mut attack, &mut record.sent).await;
        record.count_end(end);
        sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_one_name_in_text_and_in_json() {
        for kind in HostileKind::ALL {
            assert_eq!(kind.name().parse(), Ok(kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
        let unknown = "rude".parse::<HostileKind>().unwrap_err().to_string();
        assert!(HostileKind::ALL.iter().all(|kind| unknown.contains(kind.name())), "{unknown}");
    }
}
