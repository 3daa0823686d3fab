//! Bots that do harm, beside those that play: what a server must bear without anybody noticing.
//!
//! Each lives again and again. When the server closes or refuses it, that is counted by the reason's name; after a pause it comes
//! again, as somebody would who means it. What it does is bounded all the same: it is one bot's worth of harm, and a load test says
//! how many there are.
//!
//! - [`HostileRecord`]: what came of it.
//! - `life`: one stay on a server, from the handshake to the end, spoken by hand.
//! - What it does there: `garbage`, `flood`, `forged`, `slow_reader`; and `half_open`, which never gets as far as a stay.

mod record;

mod life;

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
    life::{Weapon, live},
    slow_reader::SlowReader,
};
use quarrel_client::Connector;

/// How long somebody stays away who was thrown out. Two handshakes a second are within what one address may have, so that what is
/// tested is what comes behind the handshake.
const PAUSE: Duration = Duration::from_millis(500);

/// What a hostile bot does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostileKind {
    /// Sends bytes that mean nothing, as datagrams in one life and on the control stream in the next.
    Garbage,
    /// Sends fifty times what a player sends: inputs in one life, chat in the next.
    Flood,
    /// Sends inputs for ticks long past and far ahead, and claims to have seen and to have got what it cannot have.
    Forged,
    /// Begins handshakes and finishes none.
    HalfOpen,
    /// Plays, and reads nothing of what it is told.
    SlowReader,
}

/// There is no such kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no hostile bot is called {0}; there are garbage, flood, forged, half_open, slow_reader")]
pub struct UnknownKind(pub String);

impl HostileKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Garbage, Self::Flood, Self::Forged, Self::HalfOpen, Self::SlowReader];

    /// The name in scenarios and reports.
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

/// Is hostile in this way, life after life, until `until` is ready; says what came of it. The life that is cut short then is counted
/// as one, and its end is nobody's.
///
/// The connector's endpoint should be shared with nobody who plays, or they share its socket with a flood. Half-open handshakes come
/// from a socket of their own.
///
/// # Errors
/// When the system gives no socket for half-open handshakes.
pub async fn assail<G: Game>(
    kind: HostileKind,
    connector: &Connector,
    target: JoinTarget,
    seed: u64,
    until: impl Future<Output = ()> + Send,
) -> io::Result<HostileRecord> {
    let mut record = HostileRecord::default();
    let harm = async {
        match kind {
            HostileKind::Garbage => lives::<G, Garbage>(connector, target, seed, &mut record).await,
            HostileKind::Flood => lives::<G, Flood>(connector, target, seed, &mut record).await,
            HostileKind::Forged => lives::<G, Forged>(connector, target, seed, &mut record).await,
            HostileKind::HalfOpen => half_open::open(connector, &mut record).await,
            HostileKind::SlowReader => {
                let connector = connector.with_transport(slow_reader::transport());
                lives::<G, SlowReader>(&connector, target, seed, &mut record).await
            }
        }
    };
    tokio::select! {
        biased;
        () = until => {}
        failed = harm => failed?,
    }
    Ok(record)
}

/// Lives one life after the other, for ever.
async fn lives<G: Game, W: Weapon>(
    connector: &Connector,
    target: JoinTarget,
    seed: u64,
    record: &mut HostileRecord,
) -> io::Result<()> {
    let mut rng = Pcg64::seed_from_u64(seed);
    loop {
        let mut weapon = W::forge(record.lives, Pcg64::seed_from_u64(rng.random()));
        record.lives += 1;
        let end = live::<G, W>(connector, target, &mut weapon, &mut record.sent).await;
        record.count(end);
        sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_by_its_name_in_text_and_in_json() {
        for kind in HostileKind::ALL {
            assert_eq!(kind.name().parse(), Ok(kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
        let unknown = "rude".parse::<HostileKind>().unwrap_err().to_string();
        assert!(HostileKind::ALL.iter().all(|kind| unknown.contains(kind.name())), "{unknown}");
    }
}
