//! Somebody who plays as well as the game's own bots do, from the other end of a simulated link.

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

/// How a bot's life went.
#[derive(Debug)]
pub struct Played {
    /// From the first packet to the seat; `None`: it got none.
    pub join: Option<Duration>,
    /// Views that it was shown.
    pub views: u64,
    /// Events that it was told.
    pub events: u64,
    /// What became of all that the server sent.
    pub counts: ConnectionCounts,
    /// How it ended.
    pub ending: Ending,
}

/// Connects, takes the first seat that there is, plays for so long, and leaves. `seed` decides how it plays.
///
/// # Errors
/// When there is no connection.
pub async fn play<G: Predict>(
    connector: Connector,
    name: String,
    seed: u64,
    duration: Duration,
) -> Result<Played, ConnectError> {
    let skill = G::SKILLS.get(seed as usize % G::SKILLS.len().max(1));
    let controller = BotController::<G> {
        brain: skill.and_then(|skill| G::brain(skill, seed)),
        came: Instant::now(),
        join: None,
        joined: None,
        views: 0,
        events: 0,
    };
    let (commands, commands_out) = mpsc::channel(1);
    let driver =
        Driver::connect_and_join(&connector, &name, JoinTarget::Quick, controller, commands_out).await?;
    let mut flight = Box::pin(driver.run());
    let driven = tokio::select! {
        biased;
        driven = &mut flight => driven,
        () = sleep(duration) => {
            // Nothing else is ever sent, so there is room for it.
            let _ = commands.try_send(ClientCommand::Close);
            flight.await
        }
    };
    // The close frame is on its way once the endpoint had a turn.
    let _ = tokio::time::timeout(GOODBYE, connector.endpoint().wait_idle()).await;
    let ConnectionSummary { controller, ending, counts, .. } = driven;
    Ok(Played { join: controller.join, views: controller.views, events: controller.events, counts, ending })
}

/// As long as a client that goes by itself waits.
const GOODBYE: Duration = Duration::from_millis(100);

/// The seat's decisions by a brain.
struct BotController<G: Predict> {
    brain: Option<Box<dyn Brain<G>>>,
    came: Instant,
    join: Option<Duration>,
    joined: Option<Joined>,
    views: u64,
    events: u64,
}

impl<G: Predict> Controller<G> for BotController<G> {
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
                self.join = Some(self.came.elapsed());
            }
            ClientEvent::JoinRefused { reason, .. } | ClientEvent::RoomClosed { reason, .. } => {
                return ControlFlow::Break(reason);
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}
