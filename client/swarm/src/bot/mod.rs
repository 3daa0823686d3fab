//! One bot: it comes at its time, takes a seat, plays until it is to leave, and counts how that goes.

mod controller;

use std::{sync::Arc, time::Duration};

use quarrel_shared::game::{Brain, Predict};
use tokio::{
    sync::{Notify, mpsc},
    task::{JoinError, JoinHandle},
    time::{Instant, sleep_until},
};

use self::controller::BotController;
use super::{crew::Crew, schedule::Order};
use quarrel_client::{ClientCommand, Connector, Driver};

/// How long a bot waits before it asks for a seat again: its room was busy, or is gone.
const AGAIN: Duration = Duration::from_secs(1);

/// Plays one bot from its coming to its end.
pub(super) async fn play<G: Predict>(
    connector: Connector,
    order: Order,
    brain: Option<Box<dyn Brain<G>>>,
    crew: Arc<Crew>,
) {
    let leaves = crew.start + order.leaves.unwrap_or(crew.length);
    let target = crew.target(order.group);
    let (commands, commands_out) = mpsc::channel(4);
    let wants_seat = Arc::new(Notify::new());
    let controller = BotController::<G>::new(brain, &order, Arc::clone(&crew), Arc::clone(&wants_seat));
    let name = format!("bot-{}", order.bot);
    let driver = tokio::select! {
        biased;
        () = crew.stop.cancelled() => return crew.missed(&order),
        () = sleep_until(leaves) => return crew.missed(&order),
        driver = Driver::connect_and_join(&connector, &name, target, controller, commands_out) => match driver {
            Ok(driver) => driver,
            Err(error) => return crew.refused(&order, &error),
        },
    };
    // A task of its own: it is woken sixty times a second, and what else a bot waits for is woken hardly ever.
    let flight = tokio::spawn(driver.run());
    let minder = Minder { crew: &crew, order: &order, leaves, commands, wants_seat };
    let (driven, is_due) = minder.mind(flight).await;
    let driven = match driven.map_err(JoinError::try_into_panic) {
        Ok(driven) => driven,
        // A bug of ours, which the run is told of.
        Err(Ok(panic)) => std::panic::resume_unwind(panic),
        Err(Err(_)) => return,
    };
    let at = crew.elapsed();
    crew.debrief(&order, driven.controller.outcome(&driven.ending, is_due, at));
}

/// Tells a bot that plays what its order says, when it is time.
struct Minder<'a> {
    crew: &'a Crew,
    order: &'a Order,
    leaves: Instant,
    commands: mpsc::Sender<ClientCommand>,
    wants_seat: Arc<Notify>,
}

impl Minder<'_> {
    /// Until the bot's end; says whether it was due.
    async fn mind<T>(&self, mut flight: JoinHandle<T>) -> (Result<T, JoinError>, bool) {
        let mut breaks = self.order.breaks.iter().copied().peekable();
        let mut asks = None;
        loop {
            let next_break = breaks.peek().map(|at| self.crew.start + *at);
            tokio::select! {
                biased;
                driven = &mut flight => return (driven, false),
                () = self.crew.stop.cancelled() => break,
                () = sleep_until(self.leaves) => break,
                () = alarm(next_break) => {
                    breaks.next();
                    // A bot that is on its way back already has no connection to lose.
                    self.tell(ClientCommand::Reconnect);
                }
                () = self.wants_seat.notified() => asks = Some(Instant::now() + AGAIN),
                () = alarm(asks) => {
                    asks = None;
                    self.tell(ClientCommand::Join(self.crew.target(self.order.group)));
                }
            }
        }
        self.tell(ClientCommand::Close);
        (flight.await, true)
    }

    /// A bot takes its commands at once, so the few that fit are never all there.
    fn tell(&self, command: ClientCommand) {
        let _ = self.commands.try_send(command);
    }
}

async fn alarm(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// How a bot's story ended.
pub(super) struct Outcome {
    /// Whether it ever had a seat.
    pub(super) joined: bool,
    /// Why it ended, by its name in reports.
    pub(super) close: &'static str,
    /// What went wrong, for a person to read.
    pub(super) trouble: Option<String>,
}
