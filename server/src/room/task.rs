//! The task of a room: waits for the next tick, processes the commands in the inbox, steps the state, and sends events and frames.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, OnceLock},
    thread,
    time::Duration,
};

use quarrel_shared::{
    game::{Audience, Game},
    id::SeatId,
    limits::MAX_VIEW_ENTITIES,
    protocol::CloseReason,
    snapshot::Frame,
};
use tokio::{
    sync::{mpsc, watch},
    task::yield_now,
    time::{Instant, sleep_until},
};
use tracing::{error, info, warn};

use super::{
    blocking::without_delaying_others,
    chat::{ChatLine, ChatQueue},
    clock::RoomClock,
    inbox::{MAX_QUEUED_EVENTS, Occupation, Presence, RoomCommand, RoomEvent, SeatHandle, TakeSeat},
    journal::RoomJournal,
    mark::{MarkCommand, MarkError},
    parts::{RoomParts, RoomServices, RoomSpec},
    results::MatchResults,
    seat::HeldSeatPolicy,
    seat_channel::{SeatChannel, SeatChannels},
    send_schedule::SendSchedule,
    shared_event::SharedEvent,
    state::{RoomState, RosterChange},
    status::RoomStatus,
};

/// The task of one room.
pub(super) struct RoomTask<G: Game> {
    state: RoomState<G>,
    clock: RoomClock,
    inbox: mpsc::Receiver<RoomCommand<G>>,
    /// The channel of each player's seat; `None` for bots and empty seats.
    channels: SeatChannels<G>,
    /// The number of the next occupation.
    next_occupation: u32,
    frames: watch::Sender<Option<Arc<Frame<G::Entity>>>>,
    /// A frame that is sent after the last due tick.
    unsent_frame: Option<Arc<Frame<G::Entity>>>,
    status: Arc<RoomStatus>,
    results: MatchResults,
    services: RoomServices,
    /// The length of a tick.
    period: Duration,
    send_schedule: SendSchedule,
    linger: Duration,
    held_seat_policy: HeldSeatPolicy,
    /// The number of held seats at the newest tick.
    away: u16,
    /// The last time at which a player was present or joining.
    empty_since: Instant,
    /// The roster changes that are not sent to the seats yet.
    changed: Vec<RosterChange>,
    journal: Option<RoomJournal<G>>,
    /// `None` in a room without chat.
    chat: Option<ChatQueue>,
}

impl<G: Game> RoomTask<G> {
    /// Creates the task from the parts of a room.
    pub(super) fn new(parts: RoomParts<G>, spec: &RoomSpec<G::Settings>, services: RoomServices) -> Self {
        let RoomParts { state, clock, inbox, status, channels, frames, results, journal } = parts;
        Self {
            next_occupation: u32::from(spec.seats),
            chat: spec.chat.then(|| ChatQueue::new(services.epoch.elapsed())),
            state,
            clock,
            inbox,
            channels,
            frames,
            unsent_frame: None,
            results,
            status,
            services,
            period: Duration::from_nanos(spec.tick_rate.period_ns()),
            send_schedule: SendSchedule::new(spec.tick_rate, spec.send_rate),
            linger: spec.linger,
            held_seat_policy: spec.held,
            away: 0,
            empty_since: Instant::now(),
            changed: Vec::new(),
            journal,
        }
    }

    /// Runs the room until the stop token is cancelled, no player was in the room for the linger time, the sync test fails, or the game
    /// panics. A panic affects no other room. Then saves the room or ends its journal, and submits the last match results.
    pub(super) async fn run(mut self) {
        self.services.metrics.rooms.inc();
        let reason = self.tick_until_done().await;
        info!(reason = reason.name(), tick = %self.state.tick(), "room closed");
        self.close(reason);
        self.services.metrics.rooms.dec();
        match self.journal.take() {
            Some(journal) if reason == CloseReason::ServerRestarting => {
                let is_saved = match self.save(journal) {
                    Some(saving) => saving.await,
                    None => false,
                };
                if !is_saved {
                    self.services.metrics.journals.rooms_unsaved.inc();
                    error!(
                        tick = %self.state.tick(),
                        "room could not be saved, the next start of the server restores an earlier tick or nothing"
                    );
                }
            }
            Some(journal) => journal.end(reason.name()).await,
            None => {}
        }
        // The results come last, because the storage may wait long for a locked database.
        self.results.finish().await;
    }

    /// Saves the room's state in its journal; the future returns whether it was saved. `None` if the game panicked while its state was
    /// encoded.
    fn save(&self, journal: RoomJournal<G>) -> Option<impl Future<Output = bool> + Send + use<G>> {
        let save = AssertUnwindSafe(|| journal.save(&self.state));
        let saving = without_delaying_others(|| catch_unwind(save));
        if saving.is_err() {
            self.services.metrics.room_panics.inc();
        }
        saving.ok()
    }

    /// Makes the room's ticks at their times, and returns the reason why the room ends.
    async fn tick_until_done(&mut self) -> CloseReason {
        loop {
            let wake = self.services.epoch + self.clock.next_wake();
            tokio::select! {
                biased;
                () = self.services.stop.cancelled() => return self.services.stop_reason.get(),
                () = sleep_until(wake) => {}
            }
            let due = self.clock.due(Instant::now() - self.services.epoch);
            self.services.metrics.observe_lateness(due.late);
            if due.skipped > 0 {
                self.services.metrics.slips.inc_by(due.skipped);
                self.status.count_slips(due.skipped);
                warn!(skipped = due.skipped, "room fell behind its tick rate, skipped ticks");
            }
            for step in 0..due.steps {
                if step > 0 || due.late >= self.period {
                    // A room that is late must not keep other rooms on this thread from their ticks.
                    yield_now().await;
                }
                if self.try_tick(step + 1 == due.steps).is_err() {
                    self.services.metrics.room_panics.inc();
                    error!(tick = %self.state.tick(), "game panicked, room closed, other rooms continue");
                    return CloseReason::RoomFailed;
                }
                if let Some(mismatch) = self.state.mismatch() {
                    self.services.metrics.sync_mismatches.inc();
                    error!(tick = %mismatch.tick, "game is not deterministic, room closed: {}", mismatch.fault);
                    return CloseReason::RoomFailed;
                }
            }
            if self.is_deserted() {
                return CloseReason::RoomClosed;
            }
        }
    }

    /// Makes one tick; an error means that the game panicked. After a panic the game is not used any more, so a state that was changed in
    /// part is never sent.
    fn try_tick(&mut self, is_last_due: bool) -> thread::Result<()> {
        // The state is encoded for checkpoints and for checksums, in ticks that only the journal knows.
        let encoding = self.journal.as_ref().map_or(Duration::ZERO, RoomJournal::encoding_time);
        let is_slow = self.clock.is_slow() || self.clock.delays_others(encoding);
        let tick = AssertUnwindSafe(|| self.tick(is_last_due));
        if is_slow { without_delaying_others(|| catch_unwind(tick)) } else { catch_unwind(tick) }
    }

    /// Makes one tick: processes commands, steps the state, and sends events and the frame. Of several due ticks, only the newest frame is
    /// sent, after the last: players need no frame that is replaced at once.
    fn tick(&mut self, is_last_due: bool) {
        let started = Instant::now();
        // Before the inbox: a return clears the seat's inputs, and must not clear those of the new connection.
        self.update_presence();
        let requests = self.drain_inbox();
        // After the last commands of players who have left, and before others request their seats.
        self.release_seats();
        requests.into_iter().for_each(|request| self.take_seat(request));
        self.state.set_max_bots(*self.services.bots.get());
        self.state.settle_bots(&mut self.changed);
        self.state.step();
        if let Some(journal) = &mut self.journal {
            journal.record_tick(&self.state);
        }
        if self.state.mismatch().is_some() {
            // A tick that may be wrong is not sent.
            return;
        }
        self.send_roster();
        self.send_game_events();
        if self.send_schedule.is_due() {
            self.unsent_frame = Some(self.publish());
        }
        if let Some(frame) = self.unsent_frame.take_if(|_| is_last_due) {
            self.frames.send_replace(Some(frame));
        }
        self.record_outcome();
        if let Some(journal) = &mut self.journal {
            journal.write_due(&self.state, started - self.services.epoch);
        }
        self.update_metrics(started.elapsed());
    }

    /// Creates the frame of the newest tick. Logs an error when the game begins to have more entities for one seat than a view can hold.
    fn publish(&mut self) -> Arc<Frame<G::Entity>> {
        let was_oversized = self.state.frame().left_out() > 0;
        let frame = self.state.publish();
        let left_out = frame.left_out();
        if left_out > 0 {
            self.services.metrics.oversized_frames.inc();
            if !was_oversized {
                error!(
                    left_out,
                    max = MAX_VIEW_ENTITIES,
                    tick = %frame.tick(),
                    "game has more entities for one seat than a view can hold, those with the highest ids are not sent"
                );
            }
        }
        Arc::clone(frame)
    }

    /// Processes the commands that are queued now, except the requests for seats, which it returns. Commands that arrive meanwhile stay queued
    /// for the next tick, so a flood cannot delay this one.
    fn drain_inbox(&mut self) -> Vec<TakeSeat<G>> {
        let mut requests = Vec::new();
        for _ in 0..self.inbox.len() {
            match self.inbox.try_recv() {
                Ok(RoomCommand::Input { occupation, .. } | RoomCommand::Chat { occupation, .. })
                    if !self.channels.is_current(occupation) => {}
                Ok(RoomCommand::Input { occupation: Occupation { seat, .. }, arrived, batch }) => {
                    let at = self.clock.sixteenths(arrived.saturating_duration_since(self.services.epoch));
                    self.state.input(seat, &batch, at);
                }
                Ok(RoomCommand::TakeSeat(request)) => requests.push(request),
                Ok(RoomCommand::Chat { occupation, text }) => {
                    self.chat(ChatLine { sender: occupation, text })
                }
                Ok(RoomCommand::Mark(command)) => self.mark(command),
                Err(_) => break,
            }
        }
        self.deliver_chat();
        requests
    }

    /// Places a mark in the journal after the newest tick. Seat changes that are processed at the same time belong to the next tick.
    fn mark(&mut self, command: MarkCommand) {
        let marked = match &mut self.journal {
            Some(journal) => journal.mark(command.reason, self.state.tick()),
            None => Err(MarkError::NoJournal),
        };
        if marked.is_ok() {
            self.services.metrics.journals.marks.inc();
        }
        // The mark stays in the journal even if its requester no longer waits for the reply.
        let _ = command.reply.send(marked);
    }

    /// Gives a player a seat and replies with the session's end of it, or replies that the room is full.
    fn take_seat(&mut self, request: TakeSeat<G>) {
        let Some(seat) =
            self.state.take_seat(request.player, request.ticket, request.name, &mut self.changed)
        else {
            let _ = request.reply.send(Err(CloseReason::RoomFull));
            return;
        };
        let (events, receiver) = mpsc::channel(MAX_QUEUED_EVENTS);
        let ended = Arc::new(OnceLock::new());
        // The changes of this tick are sent to all seats, this one included, so the roster must not contain them as well.
        let roster = if self.state.sends_roster() {
            self.state.roster().filter(|taken| !self.changed.contains(taken)).collect()
        } else {
            Vec::new()
        };
        let occupation = Occupation { seat, number: self.next_occupation };
        self.next_occupation = self.next_occupation.wrapping_add(1);
        let handle = SeatHandle {
            occupation,
            tick: self.state.tick(),
            roster,
            frames: self.frames.subscribe(),
            events: receiver,
            ended: Arc::clone(&ended),
            presence: Presence::new(request.ticket),
        };
        let presence = handle.presence.clone();
        self.channels.0[seat.index()] = Some(SeatChannel::new(occupation, events, ended, presence));
        self.services.metrics.joins.inc();
        // If the session has ended meanwhile, the handle is dropped and the seat is released at the next tick.
        let _ = request.reply.send(Ok(handle));
    }

    /// Empties the seats whose sessions have dropped their handles, and the revoked seats.
    fn release_seats(&mut self) {
        for at in 0..self.channels.0.len() {
            if self.channels.0[at].as_ref().is_some_and(SeatChannel::is_closed) {
                self.channels.0[at] = None;
                self.state.leave_seat(SeatId(at as u16), &mut self.changed);
            }
        }
    }

    /// Holds the seats of players who are away, and resumes the seats of players who have returned.
    fn update_presence(&mut self) {
        self.away = 0;
        for (at, channel) in self.channels.0.iter_mut().enumerate() {
            let Some(channel) = channel else { continue };
            let seat = SeatId(at as u16);
            if let Some(ticket) = channel.take_return() {
                self.state.resume_seat(seat, ticket);
            }
            if channel.is_away() {
                self.away += 1;
                self.state.hold(seat, self.held_seat_policy);
            }
        }
    }

    /// Sends the roster changes since the last tick to all seats.
    fn send_roster(&mut self) {
        let changed = std::mem::take(&mut self.changed);
        if self.state.sends_roster() {
            changed
                .into_iter()
                .for_each(|change| self.channels.send(&Audience::All, &RoomEvent::Roster(change)));
        }
    }

    /// Sends the game's events of the newest tick to their audiences.
    fn send_game_events(&mut self) {
        let tick = self.state.tick();
        let events: Vec<_> = self.state.drain_events().collect();
        for (audience, event) in events {
            self.channels
                .send(&audience, &RoomEvent::Game { tick, event: Arc::new(SharedEvent::new(event)) });
        }
    }

    /// Queues a chat line for all seats, and counts a line that is dropped.
    fn chat(&mut self, line: ChatLine) {
        let dropped = &self.services.metrics.chat_dropped;
        match self.chat.as_mut().map(|queue| queue.push(line)) {
            Some(true) => return,
            Some(false) => &dropped.room_limit,
            None => &dropped.off,
        }
        .inc();
    }

    /// Delivers the queued chat lines to the next seats, and counts the seats whose queue has no room for a line.
    fn deliver_chat(&mut self) {
        let (channels, now) = (&self.channels, Instant::now() - self.services.epoch);
        let mut dropped = 0;
        let deliver = |seat: usize, line: &ChatLine| {
            let Some(channel) = &channels.0[seat] else { return false };
            let event = RoomEvent::Chat { seat: line.sender.seat, text: line.text.clone() };
            dropped += u64::from(!channel.send_chat(&event));
            true
        };
        if let Some(queue) = &mut self.chat {
            queue.deliver(channels.0.len(), now, |sender| channels.is_current(sender), deliver);
        }
        self.services.metrics.chat_dropped.seat_queue_full.inc_by(dropped);
    }

    /// Records the result of a match that has ended at the newest tick, and submits results to the storage.
    fn record_outcome(&mut self) {
        if let Some(outcome) = self.state.take_outcome() {
            let (tick, ended) = (self.state.tick(), self.services.wall.unix_ms());
            let record = self.results.record::<G>(tick, &self.state.holders(), &outcome, ended);
            if let Some(journal) = &mut self.journal {
                journal.record_outcome(&record, tick);
            }
            self.results.push(record);
        }
        self.results.submit();
    }

    /// Updates the metrics and the room's status after a tick that took this time.
    fn update_metrics(&mut self, tick_duration: Duration) {
        let metrics = &self.services.metrics;
        metrics.observe_tick(tick_duration);
        self.clock.record_step(tick_duration);
        self.status.set_step_time(self.clock.step_time());
        if tick_duration > self.period {
            metrics.overruns.inc();
            self.status.count_overrun();
        }
        let inputs = self.state.take_counts();
        metrics.inputs.used.inc_by(inputs.used);
        metrics.inputs.late.inc_by(inputs.late);
        metrics.inputs.early.inc_by(inputs.early);
        metrics.inputs.future.inc_by(inputs.future);
        metrics.inputs.duplicate.inc_by(inputs.duplicate);
        metrics.starved.inc_by(inputs.starved);
        if inputs.refused > 0 {
            error!(
                inputs = inputs.refused,
                tick = %self.state.tick(),
                "game cannot decode its own inputs of bots or coasting, their seats have no input; the game has a defect"
            );
        }
        let (players, bots) = self.state.occupancy();
        metrics.players.inc_by(i64::from(players) - i64::from(self.status.players()));
        metrics.bots.inc_by(i64::from(bots) - i64::from(self.status.bots()));
        self.status.record_step(self.state.tick(), players, bots);
    }

    /// Returns true if no seat is taken by a player or claimed, and no player has been present or joining for longer than the linger
    /// time. Held seats keep the room only while they are held: the linger time starts when the last player leaves, and not when the
    /// hold ends.
    fn is_deserted(&mut self) -> bool {
        let now = Instant::now();
        let (claimed, players) = (self.status.claimed(), self.status.players());
        if claimed.max(players) > self.away {
            self.empty_since = now;
        }
        claimed == 0 && players == 0 && now - self.empty_since > self.linger
    }

    /// Closes the room to new players, and revokes the seats of all players for this reason.
    fn close(&mut self, reason: CloseReason) {
        self.status.close();
        for channel in self.channels.0.iter_mut().filter_map(Option::take) {
            channel.close(reason);
        }
        let metrics = &self.services.metrics;
        metrics.players.dec_by(i64::from(self.status.players()));
        metrics.bots.dec_by(i64::from(self.status.bots()));
    }
}
