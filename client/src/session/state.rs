//! The state of one player's session: the player's seat in a room, and how messages, snapshots and ticks change it. The session
//! outlives a broken connection and continues on the next one.
//!
//! Has no I/O and no clock: bytes and times are arguments; the results are calls to the [`Controller`] and the next datagram.

use std::{ops::ControlFlow, time::Duration};

use quarrel_shared::{
    bits::{self, BitReader, BitWriter, Bits, BitsError},
    game::Predict,
    protocol::{CloseReason, Resume, SeatEpoch, ServerMessage, datagram::StampedInput},
    sub_tick::SubTick,
    tick::Tick,
};

use crate::{
    input::{clock::ClientClock, inputs::InputLog, redundancy::Redundancy},
    net::connect::Welcome,
    session::{
        controller::{ConnectionCounts, Controller},
        event::{ClientEvent, Joined},
    },
    view::{
        baseline::Baselines,
        events::EventQueue,
        screen::{Screen, SharedScreen},
    },
};

/// Continue, or break with the reason with which this side must end the connection.
pub(crate) type Flow = ControlFlow<CloseReason>;

/// The session of one player.
pub(crate) struct SessionState<G: Predict> {
    welcome: Welcome,
    seat: Option<Seat<G>>,
    screen: SharedScreen<G>,
    redundancy: Redundancy,
    /// True from the welcome of a new connection that resumes the seat until [`ServerMessage::Joined`] returns the seat.
    resuming: bool,
    /// True if the server still holds a seat that the player gave up while disconnected: the next [`ServerMessage::Joined`] is for
    /// that seat and must be ignored.
    holds_stale_seat: bool,
    /// Counts of earlier seats, and of earlier connections of the current seat.
    counts: ConnectionCounts,
    datagram: BitWriter,
}

/// The player's seat in a room, and the state that lasts as long as the seat.
struct Seat<G: Predict> {
    joined: Joined,
    clock: ClientClock,
    baselines: Baselines<G::Entity>,
    inputs: InputLog<G::Input>,
    events: EventQueue<G::Event>,
    messages: ReceivedMessages,
}

/// Counts of the room's messages to this seat.
#[derive(Clone, Copy, Debug, Default)]
struct ReceivedMessages {
    received: u32,
    /// The number of received messages that was last sent to the server as an acknowledgement.
    acked: u32,
}

impl ReceivedMessages {
    const fn push(&mut self) {
        self.received = self.received.saturating_add(1);
    }
}

impl<G: Predict> SessionState<G> {
    pub(crate) fn new(welcome: Welcome, screen: SharedScreen<G>) -> Self {
        Self {
            welcome,
            seat: None,
            screen,
            redundancy: Redundancy::default(),
            resuming: false,
            holds_stale_seat: false,
            counts: ConnectionCounts::default(),
            datagram: BitWriter::new(),
        }
    }

    /// The time at which [`Self::tick`] has something to do; `None` without a seat.
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

    /// Returns the request for the held seat, to send on another connection after this one broke.
    pub(crate) fn resume(&self) -> Resume {
        let received = self.seat.as_ref().map_or(0, |seat| seat.messages.received);
        Resume { ticket: self.welcome.ticket.clone(), acked: received }
    }

    /// Continues on another connection. `welcome` is the server's welcome on that connection, which contains whether the server still
    /// holds the seat.
    pub(crate) fn on_reconnected(
        &mut self,
        welcome: Welcome,
        controller: &mut impl Controller<G>,
        now: Duration,
    ) -> Flow {
        let had_seat = self.seat.is_some();
        self.welcome = welcome;
        self.resuming = self.welcome.resumed && had_seat;
        self.holds_stale_seat = self.welcome.resumed && !had_seat;
        self.redundancy = Redundancy::default();
        self.counts.resumes += 1;
        if had_seat && !self.resuming {
            self.leave(now, controller)?;
            let reason = CloseReason::TicketExpired;
            let sentence = reason.sentence().to_owned();
            return controller.on_event(ClientEvent::RoomClosed { reason, sentence }, now);
        }
        Flow::Continue(())
    }

    /// Returns true if [`ClientMessage::Leave`](quarrel_shared::protocol::ClientMessage::Leave) must be sent again, because the server
    /// still holds a seat that the player gave up.
    pub(crate) const fn must_repeat_leave(&self) -> bool {
        self.holds_stale_seat
    }

    /// Returns true, once, for the message that returns a seat which the player gave up while disconnected. The caller ignores that
    /// message.
    pub(crate) const fn take_stale_joined(&mut self, message: &ServerMessage) -> bool {
        matches!(message, ServerMessage::Joined { .. })
            && std::mem::replace(&mut self.holds_stale_seat, false)
    }

    /// Gives the seat up. Events that wait for the displayed tick are delivered now; messages that arrive later for this seat are
    /// ignored.
    pub(crate) fn leave(&mut self, now: Duration, controller: &mut impl Controller<G>) -> Flow {
        self.counts = self.counts();
        self.screen.set(None);
        let Some(mut seat) = self.seat.take() else { return Flow::Continue(()) };
        while let Some((tick, event)) = seat.events.pop_any() {
            controller.on_event(ClientEvent::Event { tick, event }, now)?;
        }
        Flow::Continue(())
    }

    /// Returns the number of messages received from the room if that number was not sent to the server yet. `None` while resuming,
    /// because the server may have restarted its count.
    pub(crate) fn take_ack(&mut self) -> Option<u32> {
        if self.resuming {
            return None;
        }
        let messages = &mut self.seat.as_mut()?.messages;
        let is_new = messages.received != messages.acked;
        messages.acked = messages.received;
        is_new.then_some(messages.received)
    }

    /// Updates the measured loss: `sent` and `lost` are packets since the connection was opened.
    pub(crate) fn measure(&mut self, sent: u64, lost: u64) {
        self.redundancy.measure(sent, lost);
    }

    /// Takes every input that is due from the controller, delivers the events whose tick is displayed, and returns the input datagram
    /// if an input was due. While resuming, inputs are taken, but nothing is delivered or sent, because the state of the seat is not
    /// known yet.
    pub(crate) fn tick(
        &mut self,
        now: Duration,
        controller: &mut impl Controller<G>,
    ) -> (Flow, Option<&[u8]>) {
        let Some(seat) = self.seat.as_mut() else { return (Flow::Continue(()), None) };
        let mut is_due = false;
        while let Some(slot) = seat.clock.pop_due(now) {
            let drawn = self.screen.with(|screen| screen.draw_unsmoothed(now)).flatten();
            let seen = drawn.as_ref().map_or_else(|| SubTick::of(slot.tick), |drawn| drawn.interpolated_at);
            let input = controller.input(slot, drawn.as_ref());
            // Predicted as the server will decode it. An input that the game cannot decode has no use, and the server would refuse it.
            let input = bits::canonical(&input, &mut self.datagram).unwrap_or_default();
            self.screen.with(|screen| screen.push_input(slot, input.clone()));
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

    /// Applies a snapshot. A snapshot that cannot be applied is counted and changes nothing else; without a seat and while resuming,
    /// snapshots are ignored.
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
        // A datagram may overtake the message that assigns the seat.
        let Some(seat) = &mut self.seat else { return Flow::Continue(()) };
        let Ok((header, view)) = seat.baselines.apply(bytes, send_interval) else {
            return Flow::Continue(());
        };
        let found = header.used == Some(header.tick);
        let slipped_since = seat.clock.on_snapshot(header.tick, header.margin, found, now, rtt);
        let corrected = self.screen.with(|screen| {
            let corrected = screen.on_snapshot(&view, now);
            if let Some(since) = slipped_since {
                screen.on_slip(since);
            }
            corrected
        });
        let corrected = corrected.flatten();
        controller.on_snapshot(&header, now, rtt);
        if let Some(by) = corrected {
            controller.on_correction(by, now);
        }
        controller.on_event(ClientEvent::View(view), now)?;
        seat.deliver(&self.screen, now, controller)
    }

    /// Applies a control message.
    pub(crate) fn on_message(
        &mut self,
        message: ServerMessage,
        now: Duration,
        rtt: Duration,
        controller: &mut impl Controller<G>,
    ) -> Flow {
        let event = match message {
            // The handshake has consumed the only `Welcome`, and the driver handles `Closing`.
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
                self.count_message();
                ClientEvent::SeatTaken { seat, name: name.to_string(), bot }
            }
            ServerMessage::SeatLeft { seat } => {
                self.count_message();
                ClientEvent::SeatLeft { seat }
            }
            ServerMessage::Chat { seat, text } => {
                self.count_message();
                ClientEvent::Chat { seat, text: text.to_string() }
            }
        };
        controller.on_event(event, now)
    }

    fn on_joined(
        &mut self,
        joined: Joined,
        seat_epoch: SeatEpoch,
        now: Duration,
        rtt: Duration,
        controller: &mut impl Controller<G>,
    ) -> Flow {
        if std::mem::take(&mut self.resuming) && self.is_current_seat(&joined) {
            match joined.restored {
                Some(restored) => {
                    self.discard_after(restored, now, controller)?;
                    self.start_seat(joined, seat_epoch, now, rtt);
                }
                None => self.continue_seat(joined, seat_epoch, now, rtt),
            }
            return controller.on_event(ClientEvent::Resumed(joined), now);
        }
        self.leave(now, controller)?;
        self.start_seat(joined, seat_epoch, now, rtt);
        controller.on_event(ClientEvent::Joined(joined), now)
    }

    fn on_event(
        &mut self,
        sequence: u32,
        tick: Tick,
        payload: &[u8],
        now: Duration,
        controller: &mut impl Controller<G>,
    ) -> Flow {
        // The event is for a seat that was given up.
        let Some(seat) = &mut self.seat else { return Flow::Continue(()) };
        let Ok(event) = decode_event::<G>(payload) else { return Flow::Break(CloseReason::Malformed) };
        seat.messages.push();
        seat.events.push(sequence, tick, event);
        seat.deliver(&self.screen, now, controller)
    }

    /// Returns true if `joined` is the session's current seat.
    fn is_current_seat(&self, joined: &Joined) -> bool {
        let is_same = |seat: &Seat<G>| (seat.joined.room, seat.joined.seat) == (joined.room, joined.seat);
        self.seat.as_ref().is_some_and(is_same)
    }

    /// Continues the seat on a new connection.
    fn continue_seat(&mut self, joined: Joined, seat_epoch: SeatEpoch, now: Duration, rtt: Duration) {
        let Some(seat) = &mut self.seat else { return };
        self.counts.snapshots += seat.baselines.counts();
        seat.joined = joined;
        seat.clock = ClientClock::new(joined.rate, joined.tick.next(), now, rtt);
        seat.baselines = Baselines::new(seat_epoch);
        seat.inputs = InputLog::new(seat_epoch);
    }

    /// Gives the seat up because the server restored its room to the tick `after`. Waiting events of later ticks are discarded, and
    /// the others are delivered.
    fn discard_after(&mut self, after: Tick, now: Duration, controller: &mut impl Controller<G>) -> Flow {
        if let Some(seat) = &mut self.seat {
            seat.events.discard_after(after);
        }
        self.leave(now, controller)
    }

    /// Starts a seat with empty state.
    fn start_seat(&mut self, joined: Joined, seat_epoch: SeatEpoch, now: Duration, rtt: Duration) {
        self.screen.set(Some(Screen::new(joined.seat, joined.rate, self.send_interval())));
        self.seat = Some(Seat::new(joined, seat_epoch, now, rtt));
    }

    fn count_message(&mut self) {
        if let Some(seat) = &mut self.seat {
            seat.messages.push();
        }
    }

    fn send_interval(&self) -> u32 {
        self.welcome.tick_rate.ticks_per_send(self.welcome.send_rate)
    }
}

impl<G: Predict> Seat<G> {
    fn new(joined: Joined, seat_epoch: SeatEpoch, now: Duration, rtt: Duration) -> Self {
        // Rooms give seats at the start of a tick, so the room was computing the next tick when it sent this.
        let current = joined.tick.next();
        Self {
            joined,
            clock: ClientClock::new(joined.rate, current, now, rtt),
            baselines: Baselines::new(seat_epoch),
            inputs: InputLog::new(seat_epoch),
            events: EventQueue::new(),
            messages: ReceivedMessages::default(),
        }
    }

    /// Delivers the events up to the displayed tick.
    fn deliver(
        &mut self,
        screen: &SharedScreen<G>,
        now: Duration,
        controller: &mut impl Controller<G>,
    ) -> Flow {
        let Some(displayed) = screen.with(|screen| screen.displayed_tick(now)).flatten() else {
            return Flow::Continue(());
        };
        while let Some((tick, event)) = self.events.pop(displayed) {
            controller.on_event(ClientEvent::Event { tick, event }, now)?;
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
