//! The end of a bot, and how it is counted.

use crate::run::{BotSchedule, WorkerContext};
use quarrel_client::ConnectError;

/// The end of a bot that had a connection.
pub(super) struct BotOutcome {
    /// Whether the bot ever had a seat.
    pub(super) joined: bool,
    /// The close reason, by its name in reports.
    pub(super) close: &'static str,
    /// A sentence about the failure that ended the bot; `None` for a bot that left by its schedule.
    pub(super) error: Option<String>,
}

impl BotOutcome {
    /// Counts the end of a bot: without a seat as refused, with an error as disconnected.
    pub(super) fn record(self, context: &WorkerContext, bot: &BotSchedule) {
        let Self { joined, close, error } = self;
        if !joined {
            let reason = error.unwrap_or_else(|| "the bot left without a seat".to_owned());
            return record_refusal(context, bot, close, reason);
        }
        let at = context.elapsed();
        let mut recorder = context.recorder();
        let row = recorder.row(at, bot.group);
        row.push_close(close);
        row.counts.disconnected += u64::from(error.is_some());
        if let Some(error) = error {
            recorder.push_incident(at, format!("{close}: {error}"));
        }
        recorder.bot_finished();
    }
}

/// Counts a bot that ended before the server answered.
pub(super) fn record_unanswered(context: &WorkerContext, bot: &BotSchedule) {
    if let Some(target) = context.targets.get(usize::from(bot.group)) {
        record_connect_error(context, bot, &ConnectError::Unreachable(target.connect.server));
    }
}

/// Counts a bot that got no connection.
pub(super) fn record_connect_error(context: &WorkerContext, bot: &BotSchedule, error: &ConnectError) {
    if matches!(error, ConnectError::Unreachable(_)) {
        // A bot without an answer waited longer than all bots that got a seat. Without its time, a server that admits no bot would look
        // quick.
        let at = context.elapsed();
        context.recorder().row(at, bot.group).join.record_time(at.saturating_sub(bot.joins_at));
    }
    record_refusal(context, bot, error.name(), error.to_string());
}

/// Counts a bot that got no seat.
fn record_refusal(context: &WorkerContext, bot: &BotSchedule, close: &str, reason: String) {
    let at = context.elapsed();
    let mut recorder = context.recorder();
    let row = recorder.row(at, bot.group);
    row.counts.refused += 1;
    row.push_close(close);
    recorder.push_incident(at, format!("{close}: {reason}"));
    recorder.bot_finished();
}
