//! The supervisor of a playing bot: sends the commands of the bot's schedule when they are due.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{Notify, mpsc},
    task::{JoinError, JoinHandle},
    time::{Instant, sleep_until},
};

use crate::run::{BotSchedule, WorkerContext};
use quarrel_client::ClientCommand;

/// The delay before a bot requests a seat again after its room was busy or was closed.
const REJOIN_DELAY: Duration = Duration::from_secs(1);

/// The supervisor of one bot.
pub(super) struct BotSupervisor<'a> {
    pub(super) context: &'a WorkerContext,
    pub(super) bot: &'a BotSchedule,
    /// The scheduled time at which the bot leaves.
    pub(super) leaves_at: Instant,
    pub(super) commands: mpsc::Sender<ClientCommand>,
    /// Notified when the bot needs a new seat on its living connection.
    pub(super) wants_seat: Arc<Notify>,
}

/// The end of a supervised bot.
pub(super) struct Supervised<T> {
    pub(super) result: Result<T, JoinError>,
    /// Whether the bot ended because its schedule or the run ended, and not by itself.
    pub(super) was_due: bool,
}

impl BotSupervisor<'_> {
    /// Sends the scheduled commands until the bot's task ends. At the end of the schedule or of the run, closes the bot's session.
    pub(super) async fn run<T>(&self, mut task: JoinHandle<T>) -> Supervised<T> {
        let mut disconnects = self.bot.disconnects_at.iter().copied().peekable();
        let mut rejoin_at = None;
        loop {
            let next_disconnect = disconnects.peek().map(|at| self.context.start + *at);
            tokio::select! {
                biased;
                result = &mut task => return Supervised { result, was_due: false },
                () = self.context.stop.cancelled() => break,
                () = sleep_until(self.leaves_at) => break,
                () = sleep_until_some(next_disconnect) => {
                    disconnects.next();
                    // Without effect on a bot that is already reconnecting.
                    self.send(ClientCommand::Reconnect);
                }
                () = self.wants_seat.notified() => rejoin_at = Some(Instant::now() + REJOIN_DELAY),
                () = sleep_until_some(rejoin_at) => {
                    rejoin_at = None;
                    self.send(ClientCommand::Join(self.context.join_target(self.bot.group)));
                }
            }
        }
        self.send(ClientCommand::Close);
        Supervised { result: task.await, was_due: true }
    }

    /// Sends a command. The queue is never full, because a bot takes its commands at once and a schedule has few.
    fn send(&self, command: ClientCommand) {
        let _ = self.commands.try_send(command);
    }
}

/// Sleeps until `at`; for `None`, never returns.
async fn sleep_until_some(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
