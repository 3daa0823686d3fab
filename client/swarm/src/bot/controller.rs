//! The controller of one bot: chooses the bot's inputs by its brain, and measures inputs, snapshots and connection.

use std::{ops::ControlFlow, sync::Arc, time::Duration};

use quarrel_shared::{
    game::{Brain, Predict},
    protocol::{CloseReason, datagram::SnapshotHeader},
};
use tokio::sync::Notify;

use super::outcome::BotOutcome;
use crate::{
    measure::{AckTracker, CountRecorder, Row, ScheduledSends},
    run::{BotSchedule, WorkerContext},
};
use quarrel_client::Traffic;
use quarrel_client::{ClientEvent, ConnectionCounts, Controller, Drawn, Ending, InputSlot, Joined, Motion};

/// Time without a snapshot after which a server counts as silent. The connection itself may take ten seconds to time out.
const SILENCE: Duration = Duration::from_secs(2);

/// The minimum length of a gap between snapshots that counts without a snapshot at its end. Snapshots normally arrive far more often.
const MIN_OPEN_GAP: Duration = Duration::from_millis(250);

/// Counts scheduled inputs, each with the age of the newest snapshot. `is_frozen` is whether other players' entities stood still at that
/// time, because no newer snapshot had arrived; `None` before the first snapshot.
fn count_due(
    recorder: &mut CountRecorder,
    group: u16,
    sends: ScheduledSends,
    newest: Option<SnapshotArrival>,
    is_frozen: Option<bool>,
) {
    for due in sends.times() {
        let row = recorder.row(due, group);
        row.counts.inputs += 1;
        row.counts.display_samples += u64::from(is_frozen.is_some());
        row.counts.frozen += u64::from(is_frozen == Some(true));
        if let Some(newest) = newest {
            row.snapshot_age.record_time(due.saturating_sub(newest.arrived_at) + newest.half_rtt);
        }
    }
}

/// Counts scheduled inputs that were never acknowledged, each with the time waited until `now`.
fn count_unacked(recorder: &mut CountRecorder, group: u16, sends: ScheduledSends, now: Duration) {
    for due in sends.times() {
        let row = recorder.row(due, group);
        row.counts.inputs_unacked += 1;
        row.input_ack.record_time(now.saturating_sub(due));
    }
}

/// The arrival of the newest applied snapshot.
#[derive(Clone, Copy, Debug)]
struct SnapshotArrival {
    /// Time of the arrival, since the run's start.
    arrived_at: Duration,
    /// Half a round trip at that time: the estimated age of the snapshot at its arrival.
    half_rtt: Duration,
}

/// One bot's inputs and measurements.
pub(super) struct BotController<G: Predict> {
    /// The bot's behaviour; `None` for an idle bot.
    brain: Option<Box<dyn Brain<G>>>,
    context: Arc<WorkerContext>,
    /// Notifies the supervisor that the bot needs a new seat.
    wants_seat: Arc<Notify>,
    group: u16,
    /// Scheduled time of the join, since the run's start.
    joins_at: Duration,
    /// The difference from the driver's clock to the run's clock; set at the first event.
    offset: Option<Duration>,
    joined: Option<Joined>,
    joined_at: Option<Duration>,
    ack_tracker: Option<AckTracker>,
    newest: Option<SnapshotArrival>,
    /// The start of the play time that is not counted yet; `None` without a seat.
    plays_since: Option<Duration>,
    /// The part of the connection's counts that is already recorded.
    recorded: ConnectionCounts,
    /// The time at which the connection broke; `None` while the bot is connected.
    interrupted_at: Option<Duration>,
    ever_joined: bool,
    /// Whether the current silence of the server is already recorded as an incident.
    recorded_silence: bool,
    /// Whether the server was silent at the end of the session.
    ended_in_silence: bool,
    /// The server's reason for refusing a seat, and a sentence, after which the bot ended the session.
    gave_up: Option<(CloseReason, String)>,
}

impl<G: Predict> BotController<G> {
    pub(super) fn new(
        brain: Option<Box<dyn Brain<G>>>,
        bot: &BotSchedule,
        context: Arc<WorkerContext>,
        wants_seat: Arc<Notify>,
    ) -> Self {
        Self {
            brain,
            context,
            wants_seat,
            group: bot.group,
            joins_at: bot.joins_at,
            offset: None,
            joined: None,
            joined_at: None,
            ack_tracker: None,
            newest: None,
            plays_since: None,
            recorded: ConnectionCounts::default(),
            interrupted_at: None,
            ever_joined: false,
            recorded_silence: false,
            ended_in_silence: false,
            gave_up: None,
        }
    }

    /// Converts a time of the driver's clock to the run's clock.
    fn at(&mut self, now: Duration) -> Duration {
        let context = &self.context;
        now + *self.offset.get_or_insert_with(|| context.elapsed().saturating_sub(now))
    }

    /// Changes the counts of the bot's group in the second of this time.
    fn count(&self, at: Duration, count: impl FnOnce(&mut Row)) {
        count(self.context.recorder().row(at, self.group));
    }

    fn start_playing(&mut self, at: Duration) {
        if self.plays_since.replace(at).is_none() {
            let tick_hz = self.joined.map_or(0, |joined| u32::from(joined.rate.hz()));
            self.context.recorder().bot_seated(tick_hz);
        }
    }

    /// Counts the play time since the last call, split over the seconds that it spans.
    fn count_play(&mut self, at: Duration) {
        let Some(mut since) = self.plays_since else { return };
        let mut recorder = self.context.recorder();
        while since < at {
            let until = at.min(Duration::from_secs(since.as_secs() + 1));
            recorder.row(since, self.group).counts.played_us += (until - since).as_micros() as u64;
            since = until;
        }
        self.plays_since = Some(since);
    }

    fn stop_playing(&mut self, at: Duration) {
        self.count_play(at);
        if self.plays_since.take().is_some() {
            self.context.recorder().bot_unseated();
        }
    }

    /// Ends the measurement of inputs and of the gap between snapshots. `lost` is set if the bot lost its seat: inputs were then due until
    /// `at`.
    fn close_ack_tracker(&mut self, at: Duration, lost: bool) {
        let Some(mut ack_tracker) = self.ack_tracker.take() else { return };
        let (context, group) = (Arc::clone(&self.context), self.group);
        let mut recorder = context.recorder();
        if lost && let Some(sends) = ack_tracker.lose_seat(at) {
            count_due(&mut recorder, group, sends, self.newest, Some(true));
        }
        ack_tracker.close(at, lost, |sends| count_unacked(&mut recorder, group, sends, at));
        if let Some(SnapshotArrival { arrived_at, .. }) = self.newest.take()
            && at.saturating_sub(arrived_at) > MIN_OPEN_GAP
        {
            // The gap's full length is unknown; it was at least this long.
            recorder.row(arrived_at, group).snapshot_gap.record_time(at.saturating_sub(arrived_at));
        }
    }

    /// Ends the session after the server refused a seat.
    fn give_up(&mut self, reason: CloseReason, sentence: String) -> ControlFlow<CloseReason> {
        self.gave_up = Some((reason, sentence));
        ControlFlow::Break(CloseReason::Left)
    }

    /// Records the loss of the seat, or a temporary refusal, while the connection lives, and asks the supervisor for a new join. Inputs
    /// stay scheduled: an input on the next seat is late by the time without a seat.
    fn lose_seat(&mut self, at: Duration, reason: CloseReason, sentence: &str) {
        self.stop_playing(at);
        let had_seat = self.joined.take().is_some();
        // A restarted server that lost the seat reports it on the new connection, so the interruption is over.
        self.interrupted_at = None;
        let mut recorder = self.context.recorder();
        if had_seat {
            let row = recorder.row(at, self.group);
            row.push_close(reason.name());
            row.counts.disconnected += 1;
        }
        recorder.push_incident(at, format!("{}: {sentence}", reason.name()));
        self.wants_seat.notify_one();
    }

    /// Whether the bot has a seat and has received no snapshot for longer than [`SILENCE`].
    fn is_silent(&self, at: Duration) -> bool {
        // A bot that has just rejoined cannot have received a snapshot yet.
        let since = self.newest.map(|newest| newest.arrived_at).max(self.joined_at);
        self.joined.is_some() && since.is_some_and(|since| at.saturating_sub(since) > SILENCE)
    }

    /// Records one incident for each silence of the server, with the time of the last snapshot.
    fn record_silence(&mut self, at: Duration) {
        let is_silent = self.is_silent(at);
        if is_silent && !self.recorded_silence {
            let since = self.newest.map_or(at, |newest| newest.arrived_at);
            self.context
                .recorder()
                .push_incident(since, "silent: bots receive nothing from the server any more".to_owned());
        }
        self.recorded_silence = is_silent;
    }

    /// Returns the outcome of the ended session. `was_due` is set if the bot ended by its schedule. A bot that left while it reconnected
    /// counts as left if the interruption lasted up to [`SILENCE`], and otherwise as lost. A bot that left a silent server counts as
    /// `silent`.
    pub(super) fn outcome(self, ending: &Ending, was_due: bool, at: Duration) -> BotOutcome {
        let was_briefly_interrupted =
            self.interrupted_at.is_some_and(|since| at.saturating_sub(since) <= SILENCE);
        let (close, error) = match (self.gave_up, ending) {
            (None, Ending::Lost(_)) if was_due && was_briefly_interrupted => ("left", None),
            (None, Ending::Left) if self.ended_in_silence => {
                ("silent", Some("the server sent nothing any more when the bot left".to_owned()))
            }
            (Some((reason, sentence)), _) => (reason.name(), Some(sentence)),
            (None, Ending::Closed { reason, sentence }) => (reason.name(), Some(sentence.clone())),
            (None, Ending::Left) => ("left", None),
            (None, Ending::Lost(sentence)) => (ending.name(), Some(sentence.clone())),
        };
        BotOutcome { joined: self.ever_joined, close, error }
    }
}

impl<G: Predict> Controller<G> for BotController<G> {
    fn input(&mut self, slot: InputSlot, drawn: Option<&Drawn<G::Entity>>) -> G::Input {
        let due = self.at(slot.due);
        let lag = self.context.elapsed().saturating_sub(due);
        self.count_play(due);
        if let Some(ack_tracker) = &mut self.ack_tracker {
            let (group, newest) = (self.group, self.newest);
            let is_frozen = drawn.map(|drawn| drawn.motion == Motion::Frozen);
            let mut recorder = self.context.recorder();
            let give_up = |sends| count_unacked(&mut recorder, group, sends, due);
            let sends = ack_tracker.push(InputSlot { due, ..slot }, give_up);
            count_due(&mut recorder, group, sends, newest, is_frozen);
            // An input that was due without a connection is late because of the connection, not because of this machine.
            if self.interrupted_at.is_none() && self.joined_at.is_some_and(|joined| due >= joined) {
                recorder.row(due, group).lag.record_time(lag);
            }
        }
        match (&mut self.brain, &self.joined, drawn) {
            (Some(brain), Some(joined), Some(drawn)) => {
                brain.decide(drawn.observation(joined.rate, joined.seat))
            }
            _ => G::Input::default(),
        }
    }

    fn on_snapshot(&mut self, header: &SnapshotHeader, now: Duration, rtt: Duration) {
        let at = self.at(now);
        let group = self.group;
        let before = self.newest.replace(SnapshotArrival { arrived_at: at, half_rtt: rtt / 2 });
        let mut recorder = self.context.recorder();
        let row = recorder.row(at, group);
        row.counts.snapshots += 1;
        if let Some(SnapshotArrival { arrived_at: before, .. }) = before {
            // A gap counts in the second in which it began, when the next snapshot became due.
            recorder.row(before, group).snapshot_gap.record_time(at.saturating_sub(before));
        }
        if let (Some(used), Some(ack_tracker)) = (header.used, &mut self.ack_tracker) {
            ack_tracker.ack(used, |sends| {
                for due in sends.times() {
                    recorder.row(due, group).input_ack.record_time(at.saturating_sub(due));
                }
            });
        }
    }

    fn on_correction(&mut self, by: u32, now: Duration) {
        let at = self.at(now);
        self.count(at, |row| row.correction.record(u64::from(by) * 1000 / 256, 1));
    }

    fn on_counts(&mut self, counts: &ConnectionCounts, traffic: Traffic, now: Duration) {
        let at = self.at(now);
        self.count_play(at);
        self.record_silence(at);
        let recorded = std::mem::replace(&mut self.recorded, *counts);
        self.count(at, |row| {
            row.counts.snapshots_lost += counts.snapshots.lost.saturating_sub(recorded.snapshots.lost);
            row.counts.events_lost += counts.events_lost.saturating_sub(recorded.events_lost);
            row.counts.events_doubled += counts.events_doubled.saturating_sub(recorded.events_doubled);
            row.counts.bytes_down += traffic.bytes_received;
            row.counts.bytes_up += traffic.bytes_sent;
        });
    }

    fn on_event(&mut self, event: ClientEvent<G>, now: Duration) -> ControlFlow<CloseReason> {
        let at = self.at(now);
        match event {
            ClientEvent::Event { tick, event } => {
                if let Some(joined) = &self.joined
                    && let Some(metric) = G::metric(&event, joined.seat)
                {
                    self.count(at, |row| row.push_metric(metric, joined.room, tick));
                }
            }
            ClientEvent::Joined(joined) => {
                let period = Duration::from_nanos(joined.rate.period_ns());
                self.ack_tracker.get_or_insert_with(|| AckTracker::new(period));
                self.joined = Some(joined);
                self.joined_at = Some(at);
                self.start_playing(at);
                if !std::mem::replace(&mut self.ever_joined, true) {
                    let waited = at.saturating_sub(self.joins_at);
                    self.count(at, |row| {
                        row.counts.joined += 1;
                        row.join.record_time(waited);
                    });
                }
            }
            ClientEvent::JoinRefused {
                reason: reason @ (CloseReason::RoomBusy | CloseReason::ServerRestarting),
                sentence,
            } => self.lose_seat(at, reason, &sentence),
            ClientEvent::JoinRefused { reason, sentence } => return self.give_up(reason, sentence),
            ClientEvent::RoomClosed { reason, sentence } => self.lose_seat(at, reason, &sentence),
            ClientEvent::Interrupted => {
                self.stop_playing(at);
                self.interrupted_at = Some(at);
                self.count(at, |row| row.counts.interrupted += 1);
            }
            ClientEvent::Resumed(joined) => {
                self.joined = Some(joined);
                self.joined_at = Some(at);
                self.interrupted_at = None;
                self.start_playing(at);
                self.count(at, |row| row.counts.resumes += 1);
            }
            ClientEvent::Closed(ending) => {
                self.ended_in_silence = self.is_silent(at);
                self.stop_playing(at);
                let has_no_seat = self.joined.is_none();
                self.close_ack_tracker(at, ending != Ending::Left || self.ended_in_silence || has_no_seat);
            }
            ClientEvent::View(_)
            | ClientEvent::Rooms(_)
            | ClientEvent::SeatTaken { .. }
            | ClientEvent::SeatLeft { .. }
            | ClientEvent::Chat { .. } => {}
        }
        ControlFlow::Continue(())
    }
}
