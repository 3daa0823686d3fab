//! Frozen bytes of the wire: peers of this protocol version read what this code writes.
//!
//! For an intended change, raise `PROTOCOL_VERSION` (messages, datagrams) or the game's `REVISION` (entities, inputs, events),
//! then run `QUARREL_FREEZE=1 cargo test -p quarrel-tests --test scenarios vectors`, and commit the new files with it.

use quarrel_harness::vectors::Vectors;
use quarrel_shared::{
    arena::{
        Arena, ArenaEntity, Body, Bolt, Event, Fighter, Input, Kit, Match, Mode, Phase, Pickup, PickupKind,
        Score, Team, Weapon, Winner,
    },
    bits::{BitReader, BitWriter, Bits},
    crowd::{Crowd, Steering, Stumbled, Walker},
    game::{Angle, Entity, Game, Point},
    id::{EntityId, PlayerId, RoomId, SeatId},
    protocol::{
        ClientMessage, CloseReason, Fingerprint, Hello, JoinTarget, Resume, RoomEntry, SeatEpoch,
        ServerMessage, Ticket,
        bounded::{List, Text},
        codec::{self, Encode},
        datagram::{InputBatch, InputDatagram, SnapshotAck, SnapshotHeader, StampedInput},
        framing::LENGTH_BYTES,
    },
    snapshot::{View, apply, diff},
    sub_tick::SubTick,
    tick::{Tick, TickRate},
};

fn framed(message: &impl Encode) -> Vec<u8> {
    let mut bytes = Vec::new();
    codec::encode(message, &mut bytes);
    bytes
}

fn bits(write: impl FnOnce(&mut BitWriter)) -> Vec<u8> {
    let mut out = BitWriter::new();
    write(&mut out);
    out.finish().to_vec()
}

#[test]
fn client_messages_keep_their_bytes() {
    let hello = Hello {
        protocol: 1,
        game: Text::lossy("arena"),
        revision: 3,
        fingerprint: Fingerprint(0x0123_4567_89ab_cdef),
        name: Text::lossy("Ada"),
        resume: None,
    };
    let resume = Some(Resume { ticket: Ticket::new(std::array::from_fn(|n| n as u8)), acked: 300 });
    let messages = [
        ("hello", ClientMessage::Hello(hello.clone())),
        ("hello again", ClientMessage::Hello(Hello { resume, ..hello })),
        ("heard", ClientMessage::Ack(258)),
        ("list rooms", ClientMessage::ListRooms),
        ("join, quick", ClientMessage::Join(JoinTarget::Quick)),
        ("join, room 258", ClientMessage::Join(JoinTarget::Room(RoomId(258)))),
        ("leave", ClientMessage::Leave),
        ("chat", ClientMessage::Chat(Text::lossy("gut gezielt, Jörg"))),
        ("closing seen", ClientMessage::ClosingAck),
    ];
    let mut vectors = Vectors::new("client_messages", "What a client says on its control stream, framed.");
    for (name, message) in messages {
        let bytes = framed(&message);
        assert_eq!(
            codec::decode_client(&bytes[LENGTH_BYTES..]),
            Ok(message),
            "{name} must decode to the same value"
        );
        vectors.add(name, bytes);
    }
    vectors.check();
}

#[test]
fn server_messages_keep_their_bytes() {
    let rooms = vec![
        RoomEntry { id: RoomId(1), seats: 16, players: 2, bots: 6 },
        RoomEntry { id: RoomId(258), seats: 1000, players: 999, bots: 0 },
    ];
    let sentence = || Text::lossy("Try another.");
    let messages = [
        (
            "welcome",
            ServerMessage::Welcome {
                player: PlayerId(77),
                tick_rate: 60,
                send_rate: 30,
                ticket: Ticket::new(std::array::from_fn(|n| n as u8)),
                hold_ms: 30_000,
                resumed: true,
            },
        ),
        ("rooms", ServerMessage::Rooms(List::new(rooms).unwrap())),
        (
            "joined",
            ServerMessage::Joined {
                room: RoomId(3),
                seat: SeatId(5),
                seats: 16,
                tick: Tick(70_000),
                seat_epoch: SeatEpoch::FIRST.next(),
                restored: None,
            },
        ),
        (
            "joined, restored",
            ServerMessage::Joined {
                room: RoomId(3),
                seat: SeatId(5),
                seats: 16,
                tick: Tick(70_000),
                seat_epoch: SeatEpoch::FIRST,
                restored: Some(Tick(69_950)),
            },
        ),
        ("join refused", ServerMessage::JoinRefused { reason: CloseReason::RoomFull, sentence: sentence() }),
        ("seat taken", ServerMessage::SeatTaken { seat: SeatId(5), name: Text::lossy("hunt 1"), bot: true }),
        ("seat left", ServerMessage::SeatLeft { seat: SeatId(5) }),
        (
            "event",
            ServerMessage::Event {
                sequence: 9,
                tick: Tick(70_001),
                payload: List::new(vec![1, 2, 255]).unwrap(),
            },
        ),
        ("chat", ServerMessage::Chat { seat: SeatId(5), text: Text::lossy("gut gezielt, Jörg") }),
        ("room closed", ServerMessage::RoomClosed { reason: CloseReason::RoomFailed, sentence: sentence() }),
        ("closing", ServerMessage::Closing { reason: CloseReason::ServerStopping, sentence: sentence() }),
    ];
    let mut vectors = Vectors::new("server_messages", "What a server says on the control stream, framed.");
    for (name, message) in messages {
        let bytes = framed(&message);
        assert_eq!(
            codec::decode_server(&bytes[LENGTH_BYTES..]),
            Ok(message),
            "{name} must decode to the same value"
        );
        vectors.add(name, bytes);
    }
    vectors.check();
}

#[test]
fn close_codes_keep_their_numbers() {
    let mut vectors = Vectors::new("close_codes", "QUIC application close codes, by their names.");
    for reason in CloseReason::ALL {
        vectors.add(reason.name(), vec![reason.code() as u8]);
    }
    vectors.check();
}

#[test]
fn datagrams_keep_their_bytes() {
    let mut vectors = Vectors::new("datagrams", "Inputs up, and the head of a snapshot down.");
    let seat_epoch = SeatEpoch::FIRST.next();
    let stamped = |tick, bend, lag: i64| StampedInput {
        input: Steering { bend },
        seen: SubTick::of(Tick(tick)).offset(-lag),
    };
    let mut batch = InputBatch::new(Tick(1000), stamped(1000, -5, 90));
    vectors.add(
        "one crowd input, no view yet",
        coded(&InputDatagram { seat_epoch, ack: None, batch: batch.clone() }),
    );
    for (tick, bend, lag) in [(1001, -5, 90), (1002, -5, 90), (1003, 40, 91)] {
        batch.push(stamped(tick, bend, lag), 4);
    }
    let ack = Some(SnapshotAck { newest: Tick(997), history: 0b1011 });
    vectors.add("four crowd inputs and a view", coded(&InputDatagram { seat_epoch, ack, batch }));
    let batch = InputBatch::new(Tick(1000), StampedInput::at(Tick(1000), input()));
    vectors.add("one arena input", coded(&InputDatagram { seat_epoch, ack, batch }));
    let keyframe = SnapshotHeader { seat_epoch, tick: Tick(1000), baseline: None, margin: None, used: None };
    vectors.add("head of a keyframe", coded(&keyframe));
    let delta =
        SnapshotHeader { baseline: Some(Tick(997)), margin: Some(-20), used: Some(Tick(999)), ..keyframe };
    vectors.add("head of a delta", coded(&delta));
    vectors.check();
}

/// Encodes a value and asserts that it decodes to the same value.
fn coded<T: Bits + PartialEq + std::fmt::Debug>(value: &T) -> Vec<u8> {
    let bytes = bits(|out| value.encode(out));
    let mut from = BitReader::new(&bytes);
    assert_eq!(T::decode(&mut from).as_ref(), Ok(value), "a value must decode to the same value");
    assert_eq!(from.finish(), Ok(()), "a decoder must read every byte");
    bytes
}

fn input() -> Input {
    Input { move_x: -127, move_y: 64, aim: Angle(50_000), weapon: Weapon::Longbow, fire: true, dash: false }
}

const SEAT: SeatId = SeatId(5);

fn body(x: i32) -> Body {
    Body {
        at: Point::new(x, 4000),
        velocity: Point::new(-512, 800),
        aim: Angle(12_345),
        dash_wait: 17,
        phase: 96,
        rate: TickRate::default(),
    }
}

/// One entity of each kind, each with a later state.
fn arena_entities() -> [(&'static str, ArenaEntity, ArenaEntity); 6] {
    let bout = |red| Match {
        seed: 0x0123_4567_89ab_cdef,
        mode: Mode::Teams,
        phase: Phase::Playing,
        ends: Tick(5400),
        number: 2,
        team_scores: [red, 3],
    };
    let score = |eliminations| Score { seat: SEAT, team: Some(Team::Blue), eliminations, deaths: 2 };
    let fighter = |x, health| Fighter {
        seat: SEAT,
        team: Some(Team::Blue),
        body: body(x),
        weapon: Weapon::Sword,
        is_drawing: false,
        health,
        armour: 30,
        life: 3,
    };
    let kit = |quiver| Kit { seat: SEAT, quiver, busy_ticks: 9, drawn_ticks: 0, respawn_ticks: 0 };
    let bolt = |age_ticks| Bolt {
        owner: SEAT,
        from: Point::new(6000, 7000),
        aim: Angle(33_000),
        age_ticks,
        rate: TickRate::default(),
    };
    let pickup = |away_ticks| Pickup { at: Point::new(8000, 2000), kind: PickupKind::Armour, away_ticks };
    [
        ("match", ArenaEntity::Match(bout(1)), ArenaEntity::Match(bout(2))),
        ("score", ArenaEntity::Score(score(1)), ArenaEntity::Score(score(2))),
        ("fighter", ArenaEntity::Fighter(fighter(5000, 100)), ArenaEntity::Fighter(fighter(5010, 40))),
        ("kit", ArenaEntity::Kit(kit(20)), ArenaEntity::Kit(kit(19))),
        ("bolt", ArenaEntity::Bolt(bolt(3)), ArenaEntity::Bolt(bolt(9))),
        ("pickup", ArenaEntity::Pickup(pickup(0)), ArenaEntity::Pickup(pickup(90))),
    ]
}

/// Freezes an entity whole, and as the delta to its state three ticks later.
fn freeze<E: Entity>(vectors: &mut Vectors, name: &str, entity: &E, later: &E) {
    vectors.add(name, bits(|out| entity.encode(out)));
    let id = EntityId { slot: 7, generation: 1 };
    let view = |tick, entity: &E| View { tick: Tick(tick), entities: vec![(id, entity.clone())] };
    let (old, new) = (view(100, entity), view(103, later));
    let delta = bits(|out| diff(Some(&old), &new, out));
    let mut back = View::default();
    let applied = apply(Some(&old), Tick(103), &mut BitReader::new(&delta), &mut back);
    assert_eq!((applied, back), (Ok(()), new), "the delta of a {name} must give the later state");
    vectors.add(format!("{name}, three ticks later"), delta);
}

#[test]
fn arena_keeps_its_bytes() {
    let mut vectors =
        Vectors::new("arena", "Arena's entities, whole and as deltas, its inputs and its events.");
    for (name, entity, later) in arena_entities() {
        freeze(&mut vectors, name, &entity, &later);
    }
    vectors.add("input", coded(&input()));
    let (seat, weapon) = (SEAT, Weapon::Crossbow);
    let events = [
        ("fired", Event::Fired { seat, weapon, aim: Angle(9) }),
        ("heard", Event::Sound { weapon, near: Point::new(3072, 5120) }),
        ("hit", Event::Hit { by: seat, victim: SeatId(1), weapon, damage: 50 }),
        ("eliminated", Event::Eliminated { by: seat, victim: SeatId(1), weapon }),
        ("respawned", Event::Respawned { seat, at: Point::new(100, 200) }),
        ("taken", Event::PickupTaken { seat, kind: PickupKind::Quiver }),
        ("match started", Event::MatchStarted { seed: 77 }),
        ("match ended", Event::MatchEnded { winner: Winner::Team(Team::Red) }),
    ];
    for (name, event) in events {
        vectors.add(name, coded(&event));
    }
    vectors.check();
}

#[test]
fn crowd_keeps_its_bytes() {
    let mut vectors = Vectors::new("crowd", "Crowd's walker, whole and as a delta, its input and its event.");
    let walker = |x, bend| Walker {
        seat: SEAT,
        at: Point::new(x, 200_000),
        heading: Angle(1234),
        bend,
        pace: 12,
        health: 93,
    };
    freeze(&mut vectors, "walker", &walker(100_000, 0), &walker(100_007, -3));
    vectors.add("steering", coded(&Steering { bend: -3 }));
    vectors.add("stumbled", coded(&Stumbled { health: 86 }));
    vectors.check();
}

#[test]
fn games_keep_their_names_and_revisions() {
    let mut vectors =
        Vectors::new("revisions", "Each game's revision: when its bytes above change, so does this.");
    vectors.add(Arena::NAME, Arena::REVISION.to_be_bytes().to_vec());
    vectors.add(Crowd::NAME, Crowd::REVISION.to_be_bytes().to_vec());
    vectors.check();
}
