//! What one bot decides, by its brain, and what is measured of it.

use std::{ops::ControlFlow, sync::Arc, time::Duration};

use quarrel_shared::{
    game::{Brain, Predict},
    protocol::{CloseReason, datagram::SnapshotHeader},
};
use tokio::sync::Notify;

use super::Outcome;
use crate::{
    crew::Crew,
    measure::{AckTracker, CountRecorder, Row, ScheduledSends},
    schedule::Order,
};
use quarrel_client::Traffic;
use quarrel_client::{
    input::clock::Slot,
    session::{
        pilot::{Ending, Happening, Joined, Pilot},
        state::LinkCounts,
    },
    view::{interpolation::Motion, screen::Drawn},
};

/// A server that has sent no snapshot for so long has fallen silent: its connection may take ten seconds to notice.
const SILENCE: Duration = Duration::from_secs(2);

/// Snapshots come far more often than this, so a gap that is still open after it, at the end, is one.
const OPEN_GAP: Duration = Duration::from_millis(250);

/// Counts moments at which an input was meant to be sent, and what the screen was like then.
fn meant(
    recorder: &mut CountRecorder,
    group: u16,
    sends: ScheduledSends,
    heard: Option<(Duration, Duration)>,
    is_frozen: Option<bool>,
) {
    for moment in sends.times() {
        let row = recorder.row(moment, group);
        row.counts.inputs += 1;
        row.counts.screen_samples += u64::from(is_frozen.is_some());
        row.counts.frozen += u64::from(is_frozen == Some(true));
        if let Some((came, half_rtt)) = heard {
            row.snapshot_age.record_time(moment.saturating_sub(came) + half_rtt);
        }
    }
}

/// Counts moments that nobody waits for any more, with the time that was waited.
fn in_vain(recorder: &mut CountRecorder, group: u16, sends: ScheduledSends, now: Duration) {
    for due in sends.times() {
        let row = recorder.row(due, group);
        row.counts.inputs_unacked += 1;
        row.input_ack.record_time(now.saturating_sub(due));
    }
}

/// The seat's decisions by a brain, and what is measured of them.
pub(super) struct BotPilot<G: Predict> {
    brain: Option<Box<dyn Brain<G>>>,
    crew: Arc<Crew>,
    wants_seat: Arc<Notify>,
    group: u16,
    /// When it was to come, after the run's start.
    comes: Duration,
    /// From this player's moments to the run's.
    offset: Option<Duration>,
    joined: Option<Joined>,
    joined_at: Option<Duration>,
    ack_tracker: Option<AckTracker>,
    /// When the newest snapshot came, and half a round trip.
    heard: Option<(Duration, Duration)>,
    /// Since when it plays, as far as that was not counted yet.
    plays_since: Option<Duration>,
    told: LinkCounts,
    /// When the connection broke, while there is no other one.
    interrupted_at: Option<Duration>,
    ever_joined: bool,
    told_silence: bool,
    ended_in_silence: bool,
    /// Why it broke off.
    gave_up: Option<(CloseReason, String)>,
}

impl<G: Predict> BotPilot<G> {
    pub(super) fn new(
        brain: Option<Box<dyn Brain<G>>>,
        order: &Order,
        crew: Arc<Crew>,
        wants_seat: Arc<Notify>,
    ) -> Self {
        Self {
            brain,
            crew,
            wants_seat,
            group: order.group,
            comes: order.comes,
            offset: None,
            joined: None,
            joined_at: None,
            ack_tracker: None,
            heard: None,
            plays_since: None,
            told: LinkCounts::default(),
            interrupted_at: None,
            ever_joined: false,
            told_silence: false,
            ended_in_silence: false,
            gave_up: None,
        }
    }

    /// A moment of this player as one of the run.
    fn at(&mut self, now: Duration) -> Duration {
        let crew = &self.crew;
        now + *self.offset.get_or_insert_with(|| crew.elapsed().saturating_sub(now))
    }

    fn count(&self, at: Duration, count: impl FnOnce(&mut Row)) {
        count(self.crew.recorder().row(at, self.group));
    }

    fn sit_down(&mut self, at: Duration) {
        if self.plays_since.replace(at).is_none() {
            let tick_hz = self.joined.map_or(0, |joined| u32::from(joined.rate.hz()));
            self.crew.recorder().bot_seated(tick_hz);
        }
    }

    /// Counts how long it played since that was counted last, each second's part where it belongs.
    fn count_play(&mut self, at: Duration) {
        let Some(mut since) = self.plays_since else { return };
        let mut recorder = self.crew.recorder();
        while since < at {
            let until = at.min(Duration::from_secs(since.as_secs() + 1));
            recorder.row(since, self.group).counts.played_us += (until - since).as_micros() as u64;
            since = until;
        }
        self.plays_since = Some(since);
    }

    fn stand_up(&mut self, at: Duration) {
        self.count_play(at);
        if self.plays_since.take().is_some() {
            self.crew.recorder().bot_unseated();
        }
    }

    /// The seat's story is over. Whoever lost it meant to go on playing.
    fn close_ack_tracker(&mut self, at: Duration, lost: bool) {
        let Some(mut ack_tracker) = self.ack_tracker.take() else { return };
        let (crew, group) = (Arc::clone(&self.crew), self.group);
        let mut recorder = crew.recorder();
        if lost && let Some(sends) = ack_tracker.lose_seat(at) {
            meant(&mut recorder, group, sends, self.heard, Some(true));
        }
        ack_tracker.close(at, lost, |sends| in_vain(&mut recorder, group, sends, at));
        if let Some((came, _)) = self.heard.take()
            && at.saturating_sub(came) > OPEN_GAP
        {
            // Nobody will ever say how long it would have become.
            recorder.row(came, group).snapshot_gap.record_time(at.saturating_sub(came));
        }
    }

    fn give_up(&mut self, reason: CloseReason, sentence: String) -> ControlFlow<CloseReason> {
        self.gave_up = Some((reason, sentence));
        ControlFlow::Break(CloseReason::Left)
    }

    /// The seat is gone and the connection lives. What the player means to do goes on, and waits for the next seat.
    fn room_closed(&mut self, at: Duration, reason: CloseReason, sentence: &str) {
        self.stand_up(at);
        let had_seat = self.joined.take().is_some();
        // A server that started again and forgot the seat says so on the connection that was made since.
        self.interrupted_at = None;
        let mut recorder = self.crew.recorder();
        if had_seat {
            let row = recorder.row(at, self.group);
            row.push_close(reason.name());
            row.counts.disconnected += 1;
        }
        recorder.push_incident(at, format!("{}: {sentence}", reason.name()));
        self.wants_seat.notify_one();
    }

    fn is_silent(&self, at: Duration) -> bool {
        // Whoever has just come back has heard nothing yet, and cannot have.
        let since = self.heard.map(|(came, _)| came).max(self.joined_at);
        self.joined.is_some() && since.is_some_and(|since| at.saturating_sub(since) > SILENCE)
    }

    /// Says once that the server says nothing.
    fn tell_silence(&mut self, at: Duration) {
        let is_silent = self.is_silent(at);
        if is_silent && !self.told_silence {
            let since = self.heard.map_or(at, |(came, _)| came);
            self.crew
                .recorder()
                .push_incident(since, "silent: bots hear nothing from the server any more".to_owned());
        }
        self.told_silence = is_silent;
    }

    /// Whoever was to leave and was on the way back from a break just then has left; whoever had been cut off for longer was lost.
    pub(super) fn outcome(self, ending: &Ending, is_due: bool, at: Duration) -> Outcome {
        let returns = self.interrupted_at.is_some_and(|since| at.saturating_sub(since) <= SILENCE);
        let (close, trouble) = match (self.gave_up, ending) {
            (None, Ending::Lost(_)) if is_due && returns => ("left", None),
            (None, Ending::Left) if self.ended_in_silence => {
                ("silent", Some("the server said nothing any more when the bot left".to_owned()))
            }
            (Some((reason, sentence)), _) => (reason.name(), Some(sentence)),
            (None, Ending::Closed { reason, sentence }) => (reason.name(), Some(sentence.clone())),
            (None, Ending::Left) => ("left", None),
            (None, Ending::Lost(sentence)) => (ending.name(), Some(sentence.clone())),
        };
        Outcome { joined: self.ever_joined, close, trouble }
    }
}

impl<G: Predict> Pilot<G> for BotPilot<G> {
    fn input(&mut self, slot: Slot, drawn: Option<&Drawn<G::Entity>>) -> G::Input {
        let due = self.at(slot.due);
        let lag = self.crew.elapsed().saturating_sub(due);
        self.count_play(due);
        if let Some(ack_tracker) = &mut self.ack_tracker {
            let (group, heard) = (self.group, self.heard);
            let is_frozen = drawn.map(|drawn| drawn.motion == Motion::Frozen);
            let mut recorder = self.crew.recorder();
            let give_up = |sends| in_vain(&mut recorder, group, sends, due);
            let sends = ack_tracker.push(Slot { due, ..slot }, give_up);
            meant(&mut recorder, group, sends, heard, is_frozen);
            // What was due while there was no connection is late for want of one, and not because of this machine.
            if self.interrupted_at.is_none() && self.joined_at.is_some_and(|joined| due >= joined) {
                recorder.row(due, group).lag.record_time(lag);
            }
        }
        match (&mut self.brain, &self.joined, drawn) {
            (Some(brain), Some(joined), Some(drawn)) => brain.decide(drawn.seen(joined.rate, joined.seat)),
            _ => G::Input::default(),
        }
    }

    fn on_snapshot(&mut self, header: &SnapshotHeader, now: Duration, rtt: Duration) {
        let at = self.at(now);
        let group = self.group;
        let before = self.heard.replace((at, rtt / 2));
        let mut recorder = self.crew.recorder();
        let row = recorder.row(at, group);
        row.counts.snapshots += 1;
        if let Some((before, _)) = before {
            // A gap belongs to the moment at which the next snapshot was due, which is when it began.
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

    fn on_counts(&mut self, counts: &LinkCounts, traffic: Traffic, now: Duration) {
        let at = self.at(now);
        self.count_play(at);
        self.tell_silence(at);
        let told = std::mem::replace(&mut self.told, *counts);
        self.count(at, |row| {
            row.counts.snapshots_lost += counts.snapshots.lost.saturating_sub(told.snapshots.lost);
            row.counts.events_lost += counts.events_lost.saturating_sub(told.events_lost);
            row.counts.events_doubled += counts.events_doubled.saturating_sub(told.events_doubled);
            row.counts.bytes_down += traffic.bytes_received;
            row.counts.bytes_up += traffic.bytes_sent;
        });
    }

    fn on(&mut self, happening: Happening<G>, now: Duration) -> ControlFlow<CloseReason> {
        let at = self.at(now);
        match happening {
            Happening::Event { tick, event } => {
                if let Some(joined) = &self.joined
                    && let Some(deed) = G::deed(&event, joined.seat)
                {
                    self.count(at, |row| row.push_metric(deed, joined.room, tick));
                }
            }
            Happening::Joined(joined) => {
                let period = Duration::from_nanos(joined.rate.period_ns());
                self.ack_tracker.get_or_insert_with(|| AckTracker::new(period));
                self.joined = Some(joined);
                self.joined_at = Some(at);
                self.sit_down(at);
                if !std::mem::replace(&mut self.ever_joined, true) {
                    let waited = at.saturating_sub(self.comes);
                    self.count(at, |row| {
                        row.counts.joined += 1;
                        row.join.record_time(waited);
                    });
                }
            }
            Happening::JoinRefused {
                reason: reason @ (CloseReason::RoomBusy | CloseReason::ServerRestarting),
                sentence,
            } => self.room_closed(at, reason, &sentence),
            Happening::JoinRefused { reason, sentence } => return self.give_up(reason, sentence),
            Happening::RoomClosed { reason, sentence } => self.room_closed(at, reason, &sentence),
            Happening::Interrupted => {
                self.stand_up(at);
                self.interrupted_at = Some(at);
                self.count(at, |row| row.counts.interrupted += 1);
            }
            Happening::Resumed(joined) => {
                self.joined = Some(joined);
                self.joined_at = Some(at);
                self.interrupted_at = None;
                self.sit_down(at);
                self.count(at, |row| row.counts.resumes += 1);
            }
            Happening::Closed(ending) => {
                self.ended_in_silence = self.is_silent(at);
                self.stand_up(at);
                let has_no_seat = self.joined.is_none();
                self.close_ack_tracker(at, ending != Ending::Left || self.ended_in_silence || has_no_seat);
            }
            Happening::View(_)
            | Happening::Rooms(_)
            | Happening::SeatTaken { .. }
            | Happening::SeatLeft { .. }
            | Happening::Chat { .. } => {}
        }
        ControlFlow::Continue(())
    }
}
