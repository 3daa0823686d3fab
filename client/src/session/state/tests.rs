//! Tests of resuming a seat: one that the server held, and one in a room that a restarted server restored to an earlier tick.

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
use crate::{input::clock::InputSlot, view::screen::Drawn};

const RTT: Duration = Duration::from_millis(40);
const SEAT: SeatId = SeatId(3);

/// A controller that records its events.
#[derive(Default)]
struct Recorder(Vec<String>);

impl Controller<Crowd> for Recorder {
    fn input(&mut self, _slot: InputSlot, _drawn: Option<&Drawn<quarrel_shared::crowd::Walker>>) -> Steering {
        Steering::default()
    }

    fn on_event(&mut self, event: ClientEvent<Crowd>, _now: Duration) -> Flow {
        self.0.push(match event {
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

/// A session, its controller, and the time.
struct Player {
    session: SessionState<Crowd>,
    recorder: Recorder,
    now: Duration,
}

impl Player {
    /// A player that got its seat at this tick.
    fn seated(tick: u32) -> Self {
        let session = SessionState::new(welcome(false), SharedScreen::default());
        let mut player = Self { session, recorder: Recorder::default(), now: Duration::from_secs(1) };
        player.receive(joined(tick, SeatEpoch::FIRST, None));
        player
    }

    fn receive(&mut self, message: ServerMessage) {
        assert_eq!(self.session.on_message(message, self.now, RTT, &mut self.recorder), Flow::Continue(()));
    }

    fn receive_snapshot(&mut self, tick: u32, seat_epoch: SeatEpoch) {
        let bytes = snapshot(tick, seat_epoch);
        assert_eq!(self.session.on_snapshot(&bytes, self.now, RTT, &mut self.recorder), Flow::Continue(()));
    }

    /// Advances the time by 100 ms. Returns the newest input datagram.
    fn advance(&mut self) -> Option<InputDatagram<Steering>> {
        self.now += Duration::from_millis(100);
        let (flow, datagram) = self.session.tick(self.now, &mut self.recorder);
        assert_eq!(flow, Flow::Continue(()));
        datagram.map(|bytes| InputDatagram::decode(&mut BitReader::new(bytes)).unwrap())
    }

    fn reconnect(&mut self) {
        let flow = self.session.on_reconnected(welcome(true), &mut self.recorder, self.now);
        assert_eq!(flow, Flow::Continue(()));
    }

    fn take_events(&mut self) -> Vec<String> {
        std::mem::take(&mut self.recorder.0)
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

fn joined(tick: u32, seat_epoch: SeatEpoch, restored: Option<u32>) -> ServerMessage {
    let restored = restored.map(Tick);
    ServerMessage::Joined { room: RoomId(2), seat: SEAT, seats: 16, tick: Tick(tick), seat_epoch, restored }
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

/// A keyframe of an empty room.
fn snapshot(tick: u32, seat_epoch: SeatEpoch) -> Vec<u8> {
    let mut out = BitWriter::new();
    let header =
        SnapshotHeader { seat_epoch, tick: Tick(tick), baseline: None, margin: Some(32), used: None };
    header.encode(&mut out);
    diff(None, &View::<quarrel_shared::crowd::Walker>::new(Tick(tick)), &mut out);
    out.finish().to_vec()
}

/// A player seated at tick 100 with views up to 103 and three events that wait for the displayed tick: of ticks 190, 200 and 201.
fn with_events_waiting() -> Player {
    let mut player = Player::seated(100);
    player.receive(taken());
    (100..=103).for_each(|tick| player.receive_snapshot(tick, SeatEpoch::FIRST));
    [(0, 190), (1, 200), (2, 201)]
        .into_iter()
        .for_each(|(sequence, tick)| player.receive(event(sequence, tick)));
    assert_eq!(player.session.resume().acked, 4, "the roster and three events");
    player.take_events();
    player
}

#[test]
fn a_restored_room_discards_later_events_and_restarts_the_seat() {
    let mut player = with_events_waiting();
    player.reconnect();
    assert_eq!(player.session.resume().ticket, welcome(true).ticket);
    player.receive(joined(90, SeatEpoch::FIRST, Some(190)));
    assert_eq!(
        player.take_events(),
        ["event 190 0", "resumed Some(190)"],
        "events after the restored tick are discarded"
    );
    assert_eq!(player.session.resume().acked, 0, "the count of room messages starts again");
    player.receive(taken());
    player.receive(event(0, 91));
    assert_eq!(player.session.take_ack(), Some(2));
    player.receive_snapshot(91, SeatEpoch::FIRST);
    assert_eq!(
        player.take_events(),
        [format!("taken {SEAT}"), "view 91".to_owned()],
        "views of earlier ticks are delivered again"
    );
    player.receive_snapshot(95, SeatEpoch::FIRST);
    let mut newest = None;
    for _ in 0..10 {
        newest = player.advance().or(newest);
    }
    assert_eq!(
        player.take_events(),
        ["view 95", "event 91 0"],
        "the events of these ticks are delivered again"
    );
    let batch = newest.expect("an input datagram is sent in every tenth of a second").batch;
    assert!(
        batch.newest() < Tick(150),
        "the input clock starts again at the restored room's tick, but inputs are for tick {}",
        batch.newest()
    );
    let counts = player.session.counts();
    assert_eq!(
        (counts.events_lost, counts.events_doubled, counts.resumes),
        (0, 0, 1),
        "no event is lost or doubled"
    );
    assert_eq!(
        (counts.snapshots.applied, counts.snapshots.lost),
        (4 + 2, 0),
        "the counts before the resume are kept"
    );
}

#[test]
fn a_seat_that_was_only_held_continues() {
    let mut player = with_events_waiting();
    player.reconnect();
    player.receive(joined(204, SeatEpoch::FIRST.next(), None));
    assert_eq!(player.take_events(), ["resumed None"], "the waiting events still wait");
    player.receive(event(3, 204));
    assert_eq!(player.session.resume().acked, 5, "the count of room messages continues");
    let counts = player.session.counts();
    assert_eq!((counts.events_lost, counts.events_doubled, counts.resumes), (0, 0, 1));
}

#[test]
fn nothing_is_sent_or_delivered_before_the_seat_is_returned() {
    let mut player = with_events_waiting();
    player.reconnect();
    assert_eq!(player.advance(), None, "no input is sent: the server could apply it to the restored seat");
    assert_eq!(player.session.take_ack(), None, "no acknowledgement of the old count is sent");
    player.receive_snapshot(300, SeatEpoch::FIRST);
    assert_eq!(
        player.take_events(),
        Vec::<String>::new(),
        "a snapshot before `Joined` does not belong to the old seat"
    );
    player.receive(joined(90, SeatEpoch::FIRST, Some(90)));
    assert!(player.advance().is_some());
}

#[test]
fn a_seat_that_is_restored_twice_receives_its_events_twice() {
    let mut player = with_events_waiting();
    player.reconnect();
    player.receive(joined(90, SeatEpoch::FIRST, Some(90)));
    player.receive(taken());
    player.receive(event(0, 91));
    player.take_events();
    // The connection breaks again before the acknowledgement arrives.
    player.reconnect();
    player.receive(joined(95, SeatEpoch::FIRST.next(), Some(90)));
    assert_eq!(player.take_events(), ["resumed Some(90)"]);
    player.receive(taken());
    player.receive(event(0, 91));
    let counts = player.session.counts();
    assert_eq!((counts.events_lost, counts.events_doubled, counts.resumes), (0, 0, 2));
}
