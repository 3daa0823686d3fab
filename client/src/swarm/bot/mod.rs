//! One bot: it comes at its time, takes a seat, plays until it is to leave, and counts how that goes.

mod pilot;

use std::{sync::Arc, time::Duration};

use quarrel_shared::game::{Brain, Predict};
use tokio::{
    sync::{Notify, mpsc},
    task::{JoinError, JoinHandle},
    time::{Instant, sleep_until},
};

use self::pilot::BotPilot;
use super::{crew::Crew, schedule::Order};
use crate::{
    connect::Connector,
    driver::{Command, Driver},
};

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
    let pilot = BotPilot::<G>::new(brain, &order, Arc::clone(&crew), Arc::clone(&wants_seat));
    let name = format!("bot-{}", order.bot);
    let driver = tokio::select! {
        biased;
        () = crew.stop.cancelled() => return crew.missed(&order),
        () = sleep_until(leaves) => return crew.missed(&order),
        driver = Driver::join(&connector, &name, target, pilot, commands_out) => match driver {
            Ok(driver) => driver,
            Err(error) => return crew.refused(&order, &error),
        },
    };
    let mut breaks = order.breaks.iter().copied().peekable();
    let mut asks = None;
    let mut is_due = false;
    // A task of its own: it is woken sixty times a second, and what else a bot waits for is woken hardly ever.
    let mut flight = tokio::spawn(driver.run());
    let driven = loop {
        let next_break = breaks.peek().map(|at| crew.start + *at);
        tokio::select! {
            biased;
            driven = &mut flight => break driven,
            () = crew.stop.cancelled() => { is_due = true; break leave(&commands, &mut flight).await }
            () = sleep_until(leaves) => { is_due = true; break leave(&commands, &mut flight).await }
            () = alarm(next_break) => {
                breaks.next();
                // A bot that is on its way back already has no connection to lose.
                let _ = commands.try_send(Command::Reconnect);
            }
            () = wants_seat.notified() => asks = Some(Instant::now() + AGAIN),
            () = alarm(asks) => {
                asks = None;
                let _ = commands.try_send(Command::Join(target));
            }
        }
    };
    let driven = match driven.map_err(JoinError::try_into_panic) {
        Ok(driven) => driven,
        // A bug of ours, which the run is told of.
        Err(Ok(panic)) => std::panic::resume_unwind(panic),
        Err(Err(_)) => return,
    };
    let at = crew.elapsed();
    crew.debrief(&order, driven.pilot.outcome(&driven.ending, is_due, at));
}

/// Tells a bot to go, and waits until it has.
async fn leave<T>(commands: &mpsc::Sender<Command>, flight: &mut JoinHandle<T>) -> Result<T, JoinError> {
    // A bot takes its commands at once, so the few that fit are never all there.
    let _ = commands.try_send(Command::Close);
    flight.await
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
