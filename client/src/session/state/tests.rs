//! The way back to a seat, as it was left and as an earlier tick had it.

use quarrel_shared::{
    bits::BitWriter,
    crowd::{Crowd, Steering, Stumbled},
    id::{PlayerId, RoomId, SeatId},
    protocol::{
        Ticket,
        bounded::{List, Text},
        datagram::{InputDatagram, SnapshotHeader},
    },
    snapshot::{View, diff},
    tick::TickRate,
};

use super::*;
use crate::{input::clock::Slot, view::screen::Drawn};

const RTT: Duration = Duration::from_millis(40);
const SEAT: SeatId = SeatId(3);

/// Notes what it is told.
#[derive(Default)]
struct Notes(Vec<String>);

impl Controller<Crowd> for Notes {
    fn input(&mut self, _slot: Slot, _drawn: Option<&Drawn<quarrel_shared::crowd::Walker>>) -> Steering {
        Steering::default()
    }

    fn on(&mut self, happening: ClientEvent<Crowd>, _now: Duration) -> Flow {
        self.0.push(match happening {
            ClientEvent::Event { tick, event } => format!("event {tick} {}", event.health),
            ClientEvent::View(view) => format!("view {}", view.tick),
            ClientEvent::Joined(_) => "joined".to_owned(),
            ClientEvent::Resumed(joined) => format!("resumed {:?}", joined.restored.map(|tick| tick.0)),
            ClientEvent::SeatTaken { seat, .. } => format!("taken {seat}"),
            other => format!("{other:?}"),
        });
        Flow::Continue(())
    }
}

/// A session, its controller's notes, and the time.
struct World {
    session: Session<Crowd>,
    notes: Notes,
    now: Duration,
}

impl World {
    /// Seated at this tick.
    fn seated(tick: u32) -> Self {
        let session = Session::new(welcome(false), SharedScreen::default());
        let mut world = Self { session, notes: Notes::default(), now: Duration::from_secs(1) };
        world.hear(joined(tick, Seating::FIRST, None));
        world
    }

    fn hear(&mut self, message: ServerMessage) {
        assert_eq!(self.session.on_message(message, self.now, RTT, &mut self.notes), Flow::Continue(()));
    }

    fn see(&mut self, tick: u32, seating: Seating) {
        let bytes = snapshot(tick, seating);
        assert_eq!(self.session.on_snapshot(&bytes, self.now, RTT, &mut self.notes), Flow::Continue(()));
    }

    /// A tenth of a second passes; gives the newest datagram that was said.
    fn play(&mut self) -> Option<InputDatagram<Steering>> {
        self.now += Duration::from_millis(100);
        let (flow, datagram) = self.session.tick(self.now, &mut self.notes);
        assert_eq!(flow, Flow::Continue(()));
        datagram.map(|bytes| InputDatagram::decode(&mut BitReader::new(bytes)).unwrap())
    }

    fn comes_back(&mut self) {
        let flow = self.session.resumed(welcome(true), &mut self.notes, self.now);
        assert_eq!(flow, Flow::Continue(()));
    }

    fn told(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes.0)
    }
}

fn welcome(resumed: bool) -> Welcome {
    Welcome {
        player: PlayerId(7),
        tick_rate: TickRate::new(30).unwrap(),
        send_rate: 30,
        ticket: Ticket::new([u8::from(resumed); Ticket::BYTES]),
        hold: Duration::from_secs(30),
        resumed,
    }
}

fn joined(tick: u32, seating: Seating, restored: Option<u32>) -> ServerMessage {
    let restored = restored.map(Tick);
    ServerMessage::Joined { room: RoomId(2), seat: SEAT, seats: 16, tick: Tick(tick), seating, restored }
}

fn taken() -> ServerMessage {
    ServerMessage::SeatTaken { seat: SEAT, name: Text::lossy("Ada"), bot: false }
}

fn event(sequence: u32, tick: u32) -> ServerMessage {
    let mut payload = BitWriter::new();
    Stumbled { health: sequence as u8 }.encode(&mut payload);
    let payload = List::new(payload.finish().to_vec()).unwrap();
    ServerMessage::Event { sequence, tick: Tick(tick), payload }
}

/// An empty room.
fn snapshot(tick: u32, seating: Seating) -> Vec<u8> {
    let mut out = BitWriter::new();
    let header = SnapshotHeader { seating, tick: Tick(tick), baseline: None, margin: Some(32), used: None };
    header.encode(&mut out);
    diff(None, &View::<quarrel_shared::crowd::Walker>::new(Tick(tick)), &mut out);
    out.finish().to_vec()
}

/// Seated at tick 100, has seen up to 103, and waits to show what happened at 101 and, as far as it knows, at 200 and 201.
fn with_events_waiting() -> World {
    let mut world = World::seated(100);
    world.hear(taken());
    (100..=103).for_each(|tick| world.see(tick, Seating::FIRST));
    [(0, 190), (1, 200), (2, 201)].into_iter().for_each(|(sequence, tick)| world.hear(event(sequence, tick)));
    assert_eq!(world.session.resume().heard, 4, "the roster and three events");
    world.told();
    world
}

#[test]
fn a_restored_seat_undoes_what_came_after_its_tick_and_begins_anew() {
    let mut world = with_events_waiting();
    world.comes_back();
    assert_eq!(world.session.resume().ticket, welcome(true).ticket);
    world.hear(joined(90, Seating::FIRST, Some(190)));
    assert_eq!(world.told(), ["event 190 0", "resumed Some(190)"], "what did not happen is not told");
    assert_eq!(world.session.resume().heard, 0, "its news are counted anew");
    world.hear(taken());
    world.hear(event(0, 91));
    assert_eq!(world.session.heard(), Some(2));
    world.see(91, Seating::FIRST);
    assert_eq!(world.told(), [format!("taken {SEAT}"), "view 91".to_owned()], "earlier ticks are seen again");
    world.see(95, Seating::FIRST);
    let mut said = None;
    for _ in 0..10 {
        said = world.play().or(said);
    }
    assert_eq!(world.told(), ["view 95", "event 91 0"], "and told of");
    let run = said.expect("inputs of every tenth of a second").run;
    assert!(run.newest() < Tick(150), "inputs are for ticks that are yet to be made: {}", run.newest());
    let counts = world.session.counts();
    assert_eq!((counts.events_lost, counts.events_doubled, counts.resumes), (0, 0, 1), "none is amiss");
    assert_eq!(
        (counts.snapshots.applied, counts.snapshots.lost),
        (4 + 2, 0),
        "what was counted before stays"
    );
}

#[test]
fn a_seat_that_is_as_it_was_left_goes_on() {
    let mut world = with_events_waiting();
    world.comes_back();
    world.hear(joined(204, Seating::FIRST.next(), None));
    assert_eq!(world.told(), ["resumed None"], "the events wait on");
    world.hear(event(3, 204));
    assert_eq!(world.session.resume().heard, 5, "its news are counted on");
    let counts = world.session.counts();
    assert_eq!((counts.events_lost, counts.events_doubled, counts.resumes), (0, 0, 1));
}

#[test]
fn nothing_of_the_seat_is_said_or_heard_until_it_is_known_how_it_stands() {
    let mut world = with_events_waiting();
    world.comes_back();
    assert_eq!(world.play(), None, "no input: the server might take it for one of the seat as it is now");
    assert_eq!(world.session.heard(), None, "nor a count of the old story");
    world.see(300, Seating::FIRST);
    assert_eq!(
        world.told(),
        Vec::<String>::new(),
        "a snapshot that overtakes the news is none of the old seat"
    );
    world.hear(joined(90, Seating::FIRST, Some(90)));
    assert!(world.play().is_some());
}

#[test]
fn a_story_that_begins_anew_twice_is_told_twice_from_the_same_tick() {
    let mut world = with_events_waiting();
    world.comes_back();
    world.hear(joined(90, Seating::FIRST, Some(90)));
    world.hear(taken());
    world.hear(event(0, 91));
    world.told();
    // The server never heard that it was heard.
    world.comes_back();
    world.hear(joined(95, Seating::FIRST.next(), Some(90)));
    assert_eq!(world.told(), ["resumed Some(90)"]);
    world.hear(taken());
    world.hear(event(0, 91));
    let counts = world.session.counts();
    assert_eq!((counts.events_lost, counts.events_doubled, counts.resumes), (0, 0, 2));
}
