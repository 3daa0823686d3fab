//! A simulated client that plays as a bot of the game, over a simulated link.

use std::{ops::ControlFlow, time::Duration};

use quarrel_client::{
    ClientCommand, ClientEvent, ConnectError, ConnectionCounts, ConnectionSummary, Connector, Controller,
    Drawn, Driver, Ending, InputSlot, Joined,
};
use quarrel_shared::{
    game::{Brain, Predict},
    protocol::{CloseReason, JoinTarget},
};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep},
};

/// The summary of a bot's connection.
#[derive(Debug)]
pub struct BotSummary {
    /// The time from the first packet to the seat; `None` when it got no seat.
    pub join: Option<Duration>,
    /// Views received.
    pub views: u64,
    /// Events received.
    pub events: u64,
    /// The counts of the snapshots and events received.
    pub counts: ConnectionCounts,
    /// The reason of the end.
    pub ending: Ending,
}

/// Connects, takes the first free seat, plays for `duration`, and leaves. The seed chooses the skill and seeds the brain.
///
/// # Errors
/// When the connection fails.
pub async fn play<G: Predict>(
    connector: Connector,
    name: String,
    seed: u64,
    duration: Duration,
) -> Result<BotSummary, ConnectError> {
    let skill = G::SKILLS.get(seed as usize % G::SKILLS.len().max(1));
    let controller = BrainController::<G> {
        brain: skill.and_then(|skill| G::brain(skill, seed)),
        started: Instant::now(),
        join: None,
        joined: None,
        views: 0,
        events: 0,
    };
    let (commands, commands_out) = mpsc::channel(1);
    let driver =
        Driver::connect_and_join(&connector, &name, JoinTarget::Quick, controller, commands_out).await?;
    let mut running = Box::pin(driver.run());
    let summary = tokio::select! {
        biased;
        summary = &mut running => summary,
        () = sleep(duration) => {
            // The channel has room, because this is its only command.
            let _ = commands.try_send(ClientCommand::Close);
            running.await
        }
    };
    // The endpoint sends the close frame while it is polled here.
    let _ = tokio::time::timeout(CLOSE_TIMEOUT, connector.endpoint().wait_idle()).await;
    let ConnectionSummary { controller, ending, counts, .. } = summary;
    Ok(BotSummary {
        join: controller.join,
        views: controller.views,
        events: controller.events,
        counts,
        ending,
    })
}

/// The longest wait for the close to be sent, as in the client's own shutdown.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(100);

/// A controller that takes its inputs from a brain of the game.
struct BrainController<G: Predict> {
    brain: Option<Box<dyn Brain<G>>>,
    started: Instant,
    join: Option<Duration>,
    joined: Option<Joined>,
    views: u64,
    events: u64,
}

impl<G: Predict> Controller<G> for BrainController<G> {
    fn input(&mut self, _slot: InputSlot, drawn: Option<&Drawn<G::Entity>>) -> G::Input {
        match (&mut self.brain, self.joined, drawn) {
            (Some(brain), Some(joined), Some(drawn)) => {
                brain.decide(drawn.observation(joined.rate, joined.seat))
            }
            _ => G::Input::default(),
        }
    }

    fn on_event(&mut self, event: ClientEvent<G>, _now: Duration) -> ControlFlow<CloseReason> {
        match event {
            ClientEvent::View(_) => self.views += 1,
            ClientEvent::Event { .. } => self.events += 1,
            ClientEvent::Joined(joined) => {
                self.joined = Some(joined);
                self.join = Some(self.started.elapsed());
            }
            ClientEvent::JoinRefused { reason, .. } | ClientEvent::RoomClosed { reason, .. } => {
                return ControlFlow::Break(reason);
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}
