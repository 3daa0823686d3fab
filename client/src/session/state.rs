//! One player's state: the seat they hold, and what every message, snapshot and tick does to it. It outlives a connection that
//! broke, and goes on with the next one.
//!
//! Pure: bytes and moments go in, calls to the [`Controller`] and the next datagram come out.

use std::{
    ops::{AddAssign, ControlFlow},
    time::Duration,
};

use quarrel_shared::{
    bits::{BitReader, BitWriter, Bits, BitsError},
    game::Predict,
    sub_tick::SubTick,
    protocol::{CloseReason, Resume, SeatEpoch, ServerMessage, datagram::StampedInput},
    tick::Tick,
};

use crate::{
    input::{clock::ClientClock, inputs::InputLog, redundancy::Redundancy},
    session::controller::{ClientEvent, Joined, Controller, Welcome},
    view::{
        baseline::{Baselines, SnapshotCounts},
        events::EventQueue,
        screen::{Screen, SharedScreen},
    },
};

/// Whether the connection goes on, or with which reason this side ends it.
pub(crate) type Flow = ControlFlow<CloseReason>;

/// What a player's connections know.
pub(crate) struct Session<G: Predict> {
    welcome: Welcome,
    seat: Option<Seat<G>>,
    screen: SharedScreen<G>,
    redundancy: Redundancy,
    /// The server gives the seat back that this session had: the next [`ServerMessage::Joined`] says so.
    resuming: bool,
    /// The server gives a seat back that was given up while it could not hear: the next [`ServerMessage::Joined`] is that one's.
    unwanted: bool,
    /// What was counted on seats that were given up.
    counts: ConnectionCounts,
    datagram: BitWriter,
}

/// What became of all that the server sent to one player.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectionCounts {
    /// Snapshots.
    pub snapshots: SnapshotCounts,
    /// Events that never came: a bug on one of the ends.
    pub events_lost: u64,
    /// Events that came twice: a bug on one of the ends.
    pub events_doubled: u64,
    /// How often a broken connection was followed by another one.
    pub resumes: u64,
}

impl AddAssign for ConnectionCounts {
    fn add_assign(&mut self, other: Self) {
        self.snapshots += other.snapshots;
        self.events_lost += other.events_lost;
        self.events_doubled += other.events_doubled;
        self.resumes += other.resumes;
    }
}

/// A seat and all that goes with it.
struct Seat<G: Predict> {
    joined: Joined,
    clock: ClientClock,
    baselines: Baselines<G::Entity>,
    inputs: InputLog<G::Input>,
    events: EventQueue<G::Event>,
    news: News,
}

/// How many of the room's messages came, and how many of them the server knows of.
#[derive(Clone, Copy, Debug, Default)]
struct News {
    heard: u32,
    said: u32,
}

impl<G: Predict> Session<G> {
    pub(crate) fn new(welcome: Welcome, screen: SharedScreen<G>) -> Self {
        Self {
            welcome,
            seat: None,
            screen,
            redundancy: Redundancy::default(),
            resuming: false,
            unwanted: false,
            counts: ConnectionCounts::default(),
            datagram: BitWriter::new(),
        }
    }

    /// When [`Self::tick`] has something to do; `None` while there is no seat.
    pub(crate) fn wake_at(&self) -> Option<Duration> {
        self.seat.as_ref().map(|seat| seat.clock.wake_at())
    }

    pub(crate) fn counts(&self) -> ConnectionCounts {
        let mut counts = self.counts;
        if let Some(seat) = &self.seat {
            counts += seat.counts();
        }
        counts
    }

    /// What to show on another connection, should this one break.
    pub(crate) fn resume(&self) -> Resume {
        let heard = self.seat.as_ref().map_or(0, |seat| seat.news.heard);
        Resume { ticket: self.welcome.ticket.clone(), acked: heard }
    }

    /// Another connection: whether the seat is still held is in its welcome.
    pub(crate) fn resumed(&mut self, welcome: Welcome, controller: &mut impl Controller<G>, now: Duration) -> Flow {
        let had_seat = self.seat.is_some();
        self.welcome = welcome;
        self.resuming = self.welcome.resumed && had_seat;
        self.unwanted = self.welcome.resumed && !had_seat;
        self.redundancy = Redundancy::default();
        self.counts.resumes += 1;
        if had_seat && !self.resuming {
            self.leave(now, controller)?;
            let reason = CloseReason::TicketExpired;
            let sentence = reason.sentence().to_owned();
            return controller.on(ClientEvent::RoomClosed { reason, sentence }, now);
        }
        Flow::Continue(())
    }

    /// Whether the server has to be told, once more, that the seat was given up.
    pub(crate) const fn is_to_stand_up(&self) -> bool {
        self.unwanted
    }

    /// Whether this gives back a seat that was given up; it is said once.
    pub(crate) const fn is_unwanted(&mut self, message: &ServerMessage) -> bool {
        matches!(message, ServerMessage::Joined { .. }) && std::mem::replace(&mut self.unwanted, false)
    }

    /// Gives the seat up: whatever is still on its way for it is ignored, and whatever waited for the view is told now.
    pub(crate) fn leave(&mut self, now: Duration, controller: &mut impl Controller<G>) -> Flow {
        self.counts = self.counts();
        self.screen.set(None);
        let Some(mut seat) = self.seat.take() else { return Flow::Continue(()) };
        while let Some((tick, event)) = seat.events.pop_any() {
            controller.on(ClientEvent::Event { tick, event }, now)?;
        }
        Flow::Continue(())
    }

    /// How many of the room's messages were heard, when the server has not been told so many. Nothing on the way back: the server may
    /// have begun to count anew.
    pub(crate) fn heard(&mut self) -> Option<u32> {
        if self.resuming {
            return None;
        }
        let news = &mut self.seat.as_mut()?.news;
        let is_new = news.heard != news.said;
        news.said = news.heard;
        is_new.then_some(news.heard)
    }

    /// The connection has sent and lost so many packets since it began.
    pub(crate) fn measure(&mut self, sent: u64, lost: u64) {
        self.redundancy.measure(sent, lost);
    }

    /// Asks the controller for every input that is due, tells it what the screen has reached, and gives the datagram that says all
    /// inputs. On the way back the controller is asked all the same, but neither told nor quoted: the seat may not be where it was left.
    pub(crate) fn tick(&mut self, now: Duration, controller: &mut impl Controller<G>) -> (Flow, Option<&[u8]>) {
        let Some(seat) = self.seat.as_mut() else { return (Flow::Continue(()), None) };
        let mut is_due = false;
        while let Some(slot) = seat.clock.due(now) {
            let drawn = self.screen.with(|screen| screen.look(now)).flatten();
            let seen = drawn.as_ref().map_or_else(|| SubTick::of(slot.tick), |drawn| drawn.interpolated_at);
            let input = controller.input(slot, drawn.as_ref());
            self.screen.with(|screen| screen.push(slot, input.clone()));
            seat.inputs.push(slot.tick, StampedInput { input, seen }, self.redundancy.past_inputs());
            is_due = true;
        }
        if self.resuming {
            return (Flow::Continue(()), None);
        }
        let flow = seat.deliver(&self.screen, now, controller);
        let datagram = is_due.then(|| seat.inputs.encode(seat.baselines.ack(), &mut self.datagram)).flatten();
        (flow, datagram)
    }

    /// A snapshot came. One that is of no use is counted and changes nothing.
    pub(crate) fn on_snapshot(
        &mut self,
        bytes: &[u8],
        now: Duration,
        rtt: Duration,
        controller: &mut impl Controller<G>,
    ) -> Flow {
        if self.resuming {
            return Flow::Continue(());
        }
        let send_interval = self.send_interval();
        // Snapshots may overtake the message that gives the seat.
        let Some(seat) = &mut self.seat else { return Flow::Continue(()) };
        let Ok((header, view)) = seat.baselines.apply(bytes, send_interval) else {
            return Flow::Continue(());
        };
        let found = header.used == Some(header.tick);
        let slipped = seat.clock.heard(header.tick, header.margin, found, now, rtt);
        let corrected = self.screen.with(|screen| {
            let corrected = screen.heard(&view, now);
            if let Some(since) = slipped {
                screen.slipped(since);
            }
            corrected
        });
        let corrected = corrected.flatten();
        controller.on_snapshot(&header, now, rtt);
        if let Some(by) = corrected {
            controller.on_correction(by, now);
        }
        controller.on(ClientEvent::View(view), now)?;
        seat.deliver(&self.screen, now, controller)
    }

    /// A message came.
    pub(crate) fn on_message(
        &mut self,
        message: ServerMessage,
        now: Duration,
        rtt: Duration,
        controller: &mut impl Controller<G>,
    ) -> Flow {
        let happening = match message {
            // One of them is said before a session begins, the other ends it: neither reaches it.
            ServerMessage::Welcome { .. } | ServerMessage::Closing { .. } => {
                return Flow::Break(CloseReason::Malformed);
            }
            ServerMessage::Joined { room, seat, seats, tick, seat_epoch, restored } => {
                let rate = self.welcome.tick_rate;
                let joined = Joined { room, seat, seats, tick, rate, restored };
                return self.on_joined(joined, seat_epoch, now, rtt, controller);
            }
            ServerMessage::Event { sequence, tick, payload } => {
                return self.on_event(sequence, tick, &payload, now, controller);
            }
            ServerMessage::RoomClosed { reason, sentence } => {
                self.leave(now, controller)?;
                ClientEvent::RoomClosed { reason, sentence: sentence.to_string() }
            }
            ServerMessage::JoinRefused { reason, sentence } => {
                ClientEvent::JoinRefused { reason, sentence: sentence.to_string() }
            }
            ServerMessage::Rooms(rooms) => ClientEvent::Rooms(rooms.into_inner()),
            ServerMessage::SeatTaken { seat, name, bot } => {
                self.hear_news();
                ClientEvent::SeatTaken { seat, name: name.to_string(), bot }
            }
            ServerMessage::SeatLeft { seat } => {
                self.hear_news();
                ClientEvent::SeatLeft { seat }
            }
            ServerMessage::Chat { seat, text } => {
                self.hear_news();
                ClientEvent::Chat { seat, text: text.to_string() }
            }
        };
        controller.on(happening, now)
    }

    fn on_joined(
        &mut self,
        joined: Joined,
        seat_epoch: SeatEpoch,
        now: Duration,
        rtt: Duration,
        controller: &mut impl Controller<G>,
    ) -> Flow {
        if std::mem::take(&mut self.resuming) && self.is_mine(&joined) {
            match joined.restored {
                Some(restored) => {
                    self.undo(restored, now, controller)?;
                    self.sit_down(joined, seat_epoch, now, rtt);
                }
                None => self.take_back(joined, seat_epoch, now, rtt),
            }
            return controller.on(ClientEvent::Resumed(joined), now);
        }
        self.leave(now, controller)?;
        self.sit_down(joined, seat_epoch, now, rtt);
        controller.on(ClientEvent::Joined(joined), now)
    }

    fn on_event(
        &mut self,
        sequence: u32,
        tick: Tick,
        payload: &[u8],
        now: Duration,
        controller: &mut impl Controller<G>,
    ) -> Flow {
        // An event of a seat that was given up is nobody's.
        let Some(seat) = &mut self.seat else { return Flow::Continue(()) };
        let Ok(event) = decode_event::<G>(payload) else { return Flow::Break(CloseReason::Malformed) };
        seat.news.heard = seat.news.heard.saturating_add(1);
        seat.events.push(sequence, tick, event);
        seat.deliver(&self.screen, now, controller)
    }

    /// Whether this is the seat that the session had.
    fn is_mine(&self, joined: &Joined) -> bool {
        let is_same = |seat: &Seat<G>| (seat.joined.room, seat.joined.seat) == (joined.room, joined.seat);
        self.seat.as_ref().is_some_and(is_same)
    }

    /// The seat's story goes on, over a new link.
    fn take_back(&mut self, joined: Joined, seat_epoch: SeatEpoch, now: Duration, rtt: Duration) {
        let Some(seat) = &mut self.seat else { return };
        self.counts.snapshots += seat.baselines.counts();
        seat.joined = joined;
        seat.clock = ClientClock::new(joined.rate, joined.tick.next(), now, rtt);
        seat.baselines = Baselines::new(seat_epoch);
        seat.inputs = InputLog::new(seat_epoch);
    }

    /// What happened on the seat after this tick did not happen: of the events that wait, only those up to it are told.
    fn undo(&mut self, after: Tick, now: Duration, controller: &mut impl Controller<G>) -> Flow {
        if let Some(seat) = &mut self.seat {
            seat.events.undo(after);
        }
        self.leave(now, controller)
    }

    /// A seat whose story begins.
    fn sit_down(&mut self, joined: Joined, seat_epoch: SeatEpoch, now: Duration, rtt: Duration) {
        self.screen.set(Some(Screen::new(joined.seat, joined.rate, self.send_interval())));
        self.seat = Some(Seat::new(joined, seat_epoch, now, rtt));
    }

    fn hear_news(&mut self) {
        if let Some(seat) = &mut self.seat {
            seat.news.heard = seat.news.heard.saturating_add(1);
        }
    }

    fn send_interval(&self) -> u32 {
        self.welcome.tick_rate.ticks_per_send(self.welcome.send_rate)
    }
}

impl<G: Predict> Seat<G> {
    fn new(joined: Joined, seat_epoch: SeatEpoch, now: Duration, rtt: Duration) -> Self {
        // Rooms give seats at the start of a tick, so the one after the newest was being made when this was said.
        let made = joined.tick.next();
        Self {
            joined,
            clock: ClientClock::new(joined.rate, made, now, rtt),
            baselines: Baselines::new(seat_epoch),
            inputs: InputLog::new(seat_epoch),
            events: EventQueue::new(),
            news: News::default(),
        }
    }

    /// Tells the controller every event that the view has reached.
    fn deliver(&mut self, screen: &SharedScreen<G>, now: Duration, controller: &mut impl Controller<G>) -> Flow {
        let Some(reached) = screen.with(|screen| screen.reached(now)).flatten() else {
            return Flow::Continue(());
        };
        while let Some((tick, event)) = self.events.pop(reached) {
            controller.on(ClientEvent::Event { tick, event }, now)?;
        }
        Flow::Continue(())
    }

    const fn counts(&self) -> ConnectionCounts {
        ConnectionCounts {
            snapshots: self.baselines.counts(),
            events_lost: self.events.lost(),
            events_doubled: self.events.doubled(),
            resumes: 0,
        }
    }
}

fn decode_event<G: Predict>(payload: &[u8]) -> Result<G::Event, BitsError> {
    let mut from = BitReader::new(payload);
    let event = G::Event::decode(&mut from)?;
    from.finish()?;
    Ok(event)
}

#[cfg(test)]
mod tests;
