//! One bot of a run: connects at its scheduled time, takes a seat, plays until its schedule ends, and counts its measurements.
//!
//! - [`play`]: a playing bot from its connection to its end; `supervisor` sends the bot the commands of its schedule.
//! - `controller`: the bot's inputs, chosen by a brain, and their measurements; `outcome`: the counted end of the bot.
//! - [`attack`]: a hostile bot of a run.

mod controller;
mod hostile;
mod outcome;
mod supervisor;

use std::sync::Arc;

use quarrel_shared::game::{Brain, Predict};
use tokio::{
    sync::{Notify, mpsc},
    task::JoinError,
    time::sleep_until,
};

pub(super) use self::hostile::{HostileBot, attack};
use self::{controller::BotController, supervisor::BotSupervisor};
use super::run::{BotSchedule, WorkerContext};
use quarrel_client::{Connector, Driver};

/// Plays one bot from its connection to its end, and records the outcome.
pub(super) async fn play<G: Predict>(
    connector: Connector,
    bot: BotSchedule,
    brain: Option<Box<dyn Brain<G>>>,
    context: Arc<WorkerContext>,
) {
    let leaves_at = bot.leaves_at.map_or_else(|| context.end(), |leaves_at| context.start + leaves_at);
    let target = context.join_target(bot.group);
    let (commands, received_commands) = mpsc::channel(4);
    let wants_seat = Arc::new(Notify::new());
    let controller = BotController::<G>::new(brain, &bot, Arc::clone(&context), Arc::clone(&wants_seat));
    let name = format!("bot-{}", bot.bot);
    let driver = tokio::select! {
        biased;
        () = context.stop.cancelled() => return outcome::record_unanswered(&context, &bot),
        () = sleep_until(leaves_at) => return outcome::record_unanswered(&context, &bot),
        driver = Driver::connect_and_join(&connector, &name, target, controller, received_commands) => match driver {
            Ok(driver) => driver,
            Err(error) => return outcome::record_connect_error(&context, &bot, &error),
        },
    };
    // The driver has a task of its own, because it is woken sixty times a second, and the supervisor rarely.
    let task = tokio::spawn(driver.run());
    let supervisor = BotSupervisor { context: &context, bot: &bot, leaves_at, commands, wants_seat };
    let supervised = supervisor.run(task).await;
    let summary = match supervised.result.map_err(JoinError::try_into_panic) {
        Ok(summary) => summary,
        // A bug in the swarm: the panic reaches the worker, which ends the run with an error.
        Err(Ok(panic)) => std::panic::resume_unwind(panic),
        Err(Err(_)) => return,
    };
    let at = context.elapsed();
    summary.controller.outcome(&summary.ending, supervised.was_due, at).record(&context, &bot);
}
