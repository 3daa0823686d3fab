//! The quality of play over a link, measured in the simulated network: late inputs, corrections, age of the drawn entities, lost hits.
//!
//! Some measured players, all over the same link, fight in one room of Arena with the server's bots. Measuring starts after a
//! warm-up, when clocks and delays have settled.

mod measured_player;
mod record;
mod row;

use std::time::Duration;

use quarrel_client::{ClientCommand, Connector, Driver, Ending};
use quarrel_shared::{arena::Arena, protocol::JoinTarget};
use tokio::{sync::mpsc, time::sleep};

use self::{measured_player::MeasuredPlayer, record::Records};
pub use self::{record::PlayerRecord, row::Feel};
use super::{Link, SimWorld, world::LONG_PLAY};

/// The parameters of one measurement.
#[derive(Clone, Copy, Debug)]
pub struct FeelConfig {
    /// The seed of the run.
    pub seed: u64,
    /// The number of measured players.
    pub players: u32,
    /// The simulated time that is measured, after the warm-up.
    pub measured: Duration,
}

/// The simulated time of play before the measurement.
const WARM_UP: Duration = Duration::from_secs(15);

/// Measures the quality of play over a link.
///
/// # Panics
/// When a player cannot connect.
#[must_use]
pub fn feel(link: &Link, config: FeelConfig) -> Feel {
    let settings = [("room.bots", "8"), ("game.settings.score_to_win", "15"), LONG_PLAY];
    SimWorld::<Arena>::run(config.seed, &settings, async |world| {
        let play = |player: u32| {
            let seed = config.seed.wrapping_mul(1000) + u64::from(player);
            tokio::spawn(play(world.connector(link), *link, seed, config.measured))
        };
        let tasks: Vec<_> = (0..config.players).map(play).collect();
        let mut records = Records::default();
        let mut lost = Vec::new();
        for task in tasks {
            let (record, ending) = task.await.expect("a player must not panic");
            records.push(record);
            if ending != Ending::Left {
                lost.push(format!("{ending:?}"));
            }
        }
        Feel { lost, matches: world.records().len(), ..records.feel(link.name) }
    })
}

/// Plays one measured player, and returns its record and how its connection ended.
async fn play(connector: Connector, link: Link, seed: u64, measured: Duration) -> (PlayerRecord, Ending) {
    let (commands, commands_out) = mpsc::channel(1);
    let controller = MeasuredPlayer::new(seed, PlayerRecord::new(&link, WARM_UP));
    let driver =
        Driver::connect_and_join(&connector, "marksman", JoinTarget::Quick, controller, commands_out).await;
    let driver = driver.unwrap_or_else(|error| panic!("cannot connect over {}: {error}", link.name));
    let mut running = Box::pin(driver.run());
    let summary = tokio::select! {
        biased;
        summary = &mut running => summary,
        () = sleep(WARM_UP + measured) => {
            // The channel has room, because this is its only command.
            let _ = commands.try_send(ClientCommand::Close);
            running.await
        }
    };
    let record = summary.controller.record.with_totals(
        summary.counts,
        summary.traffic.bytes_received,
        summary.traffic.bytes_sent,
        WARM_UP + measured,
    );
    (record, summary.ending)
}
