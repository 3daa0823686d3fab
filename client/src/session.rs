//! One connection's state: the seat it holds, and what every message, snapshot and tick does to it.
//!
//! Pure: bytes and moments go in, calls to the [`Pilot`] and the next datagram come out.

use std::{
    ops::{AddAssign, ControlFlow},
    time::Duration,
};

use quarrel_shared::{
    bits::{BitReader, BitWriter, Bits, BitsError},
    game::{Game, Seen},
    protocol::{CloseReason, Seating, ServerMessage, datagram::Aimed},
    tick::Tick,
};

use crate::{
    baseline::{Baselines, SnapshotCounts},
    clock::ClientClock,
    events::EventOrder,
    inputs::InputLog,
    pilot::{Happening, Joined, Pilot, Welcome},
};

/// Whether the connection goes on, or with which reason this side ends it.
pub(crate) type Flow = ControlFlow<CloseReason>;

/// What a connection knows.
pub(crate) struct Session<G: Game> {
    welcome: Welcome,
    seat: Option<Seat<G>>,
    /// What was counted on seats that were given up.
    counts: LinkCounts,
    datagram: BitWriter,
}

/// What became of all that the server sent on one connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkCounts {
    /// Snapshots.
    pub snapshots: SnapshotCounts,
    /// Events that never came: a bug on one of the ends.
    pub events_lost: u64,
    /// Events that came twice: a bug on one of the ends.
    pub events_doubled: u64,
}

impl AddAssign for LinkCounts {
    fn add_assign(&mut self, other: Self) {
        self.snapshots += other.snapshots;
        self.events_lost += other.events_lost;
        self.events_doubled += other.events_doubled;
    }
}

/// A seat and all that goes with it.
struct Seat<G: Game> {
    joined: Joined,
    clock: ClientClock,
    baselines: Baselines<G::Entity>,
    inputs: InputLog<G::Input>,
    events: EventOrder,
}

impl<G: Game> Session<G> {
    pub(crate) fn new(welcome: Welcome) -> Self {
        Self { welcome, seat: None, counts: LinkCounts::default(), datagram: BitWriter::new() }
    }

    /// When [`Self::tick`] has something to do; `None` while there is no seat.
    pub(crate) fn wake_at(&self) -> Option<Duration> {
        self.seat.as_ref().map(|seat| seat.clock.wake_at())
    }

    pub(crate) fn counts(&self) -> LinkCounts {
        let mut counts = self.counts;
        if let Some(seat) = &self.seat {
            counts += seat.counts();
        }
        counts
    }

    /// Gives the seat up: whatever is still on its way for it is ignored.
    pub(crate) fn leave(&mut self) {
        self.counts = self.counts();
        self.seat = None;
    }

    /// Asks the pilot for every input that is due, and gives the datagram that says them.
    pub(crate) fn tick(&mut self, now: Duration, pilot: &mut impl Pilot<G>) -> Option<&[u8]> {
        let seat = self.seat.as_mut()?;
        let mut due = false;
        while let Some(slot) = seat.clock.due(now) {
            let input = pilot.input(slot, seat.baselines.newest().map(|view| seen(&seat.joined, view)));
            seat.inputs.push(slot.tick, Aimed::at(slot.tick, input));
            due = true;
        }
        if !due {
            return None;
        }
        seat.inputs.encode(seat.baselines.ack(), &mut self.datagram)
    }

    /// A snapshot came. One that is of no use is counted and changes nothing.
    pub(crate) fn on_snapshot(
        &mut self,
        bytes: &[u8],
        now: Duration,
        rtt: Duration,
        pilot: &mut impl Pilot<G>,
    ) -> Flow {
        let send_interval = u32::from(self.welcome.tick_rate.hz() / self.welcome.send_rate.max(1));
        // Snapshots may overtake the message that gives the seat.
        let Some(seat) = &mut self.seat else { return Flow::Continue(()) };
        let Ok((header, view)) = seat.baselines.apply(bytes, send_interval) else {
            return Flow::Continue(());
        };
        seat.clock.heard(header.tick, header.margin, now, rtt);
        pilot.on_snapshot(&header, now);
        pilot.on(Happening::View(view), now)
    }

    /// A message came.
    pub(crate) fn on_message(
        &mut self,
        message: ServerMessage,
        now: Duration,
        rtt: Duration,
        pilot: &mut impl Pilot<G>,
    ) -> Flow {
        let happening = match message {
            // One of them is said before a session begins, the other ends it: neither reaches it.
            ServerMessage::Welcome { .. } | ServerMessage::Closing { .. } => {
                return Flow::Break(CloseReason::Malformed);
            }
            ServerMessage::Joined { room, seat, seats, tick, seating } => {
                let joined = Joined { room, seat, seats, tick, rate: self.welcome.tick_rate };
                self.leave();
                self.seat = Some(Seat::new(joined, seating, now, rtt));
                Happening::Joined(joined)
            }
            ServerMessage::Event { sequence, tick, payload } => {
                return self.on_event(sequence, tick, &payload, now, pilot);
            }
            ServerMessage::RoomClosed { reason, sentence } => {
                self.leave();
                Happening::RoomClosed { reason, sentence: sentence.to_string() }
            }
            ServerMessage::JoinRefused { reason, sentence } => {
                Happening::JoinRefused { reason, sentence: sentence.to_string() }
            }
            ServerMessage::Rooms(rooms) => Happening::Rooms(rooms.into_inner()),
            ServerMessage::SeatTaken { seat, name, bot } => {
                Happening::SeatTaken { seat, name: name.to_string(), bot }
            }
            ServerMessage::SeatLeft { seat } => Happening::SeatLeft { seat },
            ServerMessage::Chat { seat, text } => Happening::Chat { seat, text: text.to_string() },
        };
        pilot.on(happening, now)
    }

    fn on_event(
        &mut self,
        sequence: u32,
        tick: Tick,
        payload: &[u8],
        now: Duration,
        pilot: &mut impl Pilot<G>,
    ) -> Flow {
        // An event of a seat that was given up is nobody's.
        let Some(seat) = &mut self.seat else { return Flow::Continue(()) };
        if !seat.events.push(sequence) {
            return Flow::Continue(());
        }
        match decode_event::<G>(payload) {
            Ok(event) => pilot.on(Happening::Event { tick, event }, now),
            Err(_) => Flow::Break(CloseReason::Malformed),
        }
    }
}

impl<G: Game> Seat<G> {
    fn new(joined: Joined, seating: Seating, now: Duration, rtt: Duration) -> Self {
        // Rooms give seats at the start of a tick, so the one after the newest was being made when this was said.
        let made = joined.tick.next();
        Self {
            joined,
            clock: ClientClock::new(joined.rate, made, now, rtt),
            baselines: Baselines::new(seating),
            inputs: InputLog::new(seating),
            events: EventOrder::default(),
        }
    }

    const fn counts(&self) -> LinkCounts {
        LinkCounts {
            snapshots: self.baselines.counts(),
            events_lost: self.events.lost(),
            events_doubled: self.events.doubled(),
        }
    }
}

fn seen<'a, G: Game>(joined: &Joined, view: &'a quarrel_shared::snapshot::View<G::Entity>) -> Seen<'a, G> {
    Seen { tick: view.tick, rate: joined.rate, seat: joined.seat, entities: &view.entities }
}

fn decode_event<G: Game>(payload: &[u8]) -> Result<G::Event, BitsError> {
    let mut from = BitReader::new(payload);
    let event = G::Event::decode(&mut from)?;
    from.finish()?;
    Ok(event)
}
