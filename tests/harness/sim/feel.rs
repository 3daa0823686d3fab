//! How play feels over a link: the figures that a player would complain about, measured by players in the simulated network.
//!
//! A few measured players, all over the same link, fight in one room of Arena with the server's bots. What is measured begins
//! when they have played for a while, so that clocks and delays have settled.

mod marksman;
mod record;

use std::time::Duration;

use quarrel_client::{ClientCommand, Connector, Driver, Ending};
use quarrel_shared::{arena::Arena, protocol::JoinTarget};
use serde::Serialize;
use tokio::{sync::mpsc, time::sleep};

pub use self::record::Record;
use self::{marksman::Marksman, record::Figures};
use super::{Link, SimWorld, world::LONG_PLAY};

/// Who plays, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Session {
    /// Everything follows from it.
    pub seed: u64,
    /// How many measured players.
    pub players: u32,
    /// For how long they are measured.
    pub measured: Duration,
}

/// How long they play before.
const WARM_UP: Duration = Duration::from_secs(15);

/// What a link felt like: one line of the table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Feel {
    /// Over which link.
    pub link: String,
    /// The share of ticks that found the player's input, as far as snapshots told: while a link is black there are none.
    pub inputs_on_tick: f64,
    /// How often a minute a snapshot moved a player's own fighter from where it was predicted.
    pub corrections_per_min: f64,
    /// By how much, at the 99th percentile, in units.
    pub correction_units_p99: f64,
    /// How long ago what is drawn of others was true.
    pub drawn_age_ms_p50: f64,
    /// The same at the 99th percentile.
    pub drawn_age_ms_p99: f64,
    /// The share of looks at the screen for which there was nothing to draw towards.
    pub extrapolated_share: f64,
    /// The share of looks at which everything stood still, black-outs counted.
    pub frozen_share: f64,
    /// The share of longbow shots that struck on the shooter's screen and then on the server.
    pub hits_confirmed: f64,
    /// UDP payload bytes to a player a second.
    pub bytes_down_s: f64,
    /// UDP payload bytes from a player a second.
    pub bytes_up_s: f64,
    /// Events that never came.
    pub events_lost: u64,
    /// Events that came twice.
    pub events_doubled: u64,
    /// How many longbow shots struck on the shooter's screen.
    #[serde(skip)]
    pub hits_shown: u64,
    /// Matches that were finished.
    #[serde(skip)]
    pub matches: usize,
    /// How players' connections ended, other than by leaving.
    #[serde(skip)]
    pub lost: Vec<String>,
}

/// Plays over a link.
///
/// # Panics
/// When somebody gets no seat.
#[must_use]
pub fn feel(link: &Link, session: Session) -> Feel {
    let settings = [("room.bots", "8"), ("game.settings.score_to_win", "15"), LONG_PLAY];
    SimWorld::<Arena>::run(session.seed, &settings, async |world| {
        let play = |player: u32| {
            let seed = session.seed.wrapping_mul(1000) + u64::from(player);
            tokio::spawn(play(world.connector(link), *link, seed, session.measured))
        };
        let tasks: Vec<_> = (0..session.players).map(play).collect();
        let mut figures = Figures::default();
        let mut lost = Vec::new();
        for task in tasks {
            let (record, ending) = task.await.expect("a player that does not panic");
            figures.add(record);
            if ending != Ending::Left {
                lost.push(format!("{ending:?}"));
            }
        }
        Feel { lost, matches: world.records().len(), ..figures.feel(link.name) }
    })
}

/// One measured player's life.
async fn play(connector: Connector, link: Link, seed: u64, measured: Duration) -> (Record, Ending) {
    let (commands, commands_out) = mpsc::channel(1);
    let controller = Marksman::new(seed, Record::new(&link, WARM_UP));
    let driver =
        Driver::connect_and_join(&connector, "marksman", JoinTarget::Quick, controller, commands_out).await;
    let driver = driver.unwrap_or_else(|error| panic!("no connection over {}: {error}", link.name));
    let mut flight = Box::pin(driver.run());
    let driven = tokio::select! {
        biased;
        driven = &mut flight => driven,
        () = sleep(WARM_UP + measured) => {
            // Nothing else is ever sent, so there is room for it.
            let _ = commands.try_send(ClientCommand::Close);
            flight.await
        }
    };
    let record = driven.controller.record.over(
        driven.counts,
        driven.traffic.bytes_received,
        driven.traffic.bytes_sent,
        WARM_UP + measured,
    );
    (record, driven.ending)
}
