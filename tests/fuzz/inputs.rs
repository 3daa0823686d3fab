//! Input datagrams of both games, and rooms that receive the decodable ones.

use bolero::check;
use quarrel_server::room::RoomState;
use quarrel_shared::{
    arena::{Arena, Input},
    bits::{BitReader, BitWriter, Bits},
    crowd::{Crowd, Steering},
    game::{Game, Setup},
    id::{PlayerId, SeatId},
    limits::MAX_INPUTS_PER_DATAGRAM,
    protocol::{
        SeatEpoch, TicketNumber,
        datagram::{InputBatch, InputDatagram, SnapshotAck, StampedInput},
        messages::Name,
    },
    sub_tick::SubTick,
    tick::{Tick, TickRate},
};

use crate::{damage::Damage, heap};

/// Valid datagrams of a game: with and without an acknowledgement, with one input and with many.
fn samples<G: Game>(busy: G::Input) -> Vec<Vec<u8>> {
    let ack = Some(SnapshotAck { newest: Tick(7), history: 0xffff_0f0f });
    [None, ack]
        .into_iter()
        .flat_map(|ack| batches::<G>(&busy).map(move |batch| encoded::<G>(ack, batch)))
        .collect()
}

fn batches<G: Game>(busy: &G::Input) -> [InputBatch<G::Input>; 2] {
    let stamped = |tick: Tick, input| StampedInput { input, seen: SubTick::of(tick).offset(-77) };
    let one = InputBatch::new(Tick(9), stamped(Tick(9), busy.clone()));
    let mut many = one.clone();
    for n in 0..MAX_INPUTS_PER_DATAGRAM {
        let input = if n % 3 == 0 { busy.clone() } else { G::Input::default() };
        many.push(stamped(many.newest(), input), MAX_INPUTS_PER_DATAGRAM);
    }
    [one, many]
}

fn encoded<G: Game>(ack: Option<SnapshotAck>, batch: InputBatch<G::Input>) -> Vec<u8> {
    let mut out = BitWriter::new();
    InputDatagram { seat_epoch: SeatEpoch::FIRST, ack, batch }.encode(&mut out);
    out.finish().to_vec()
}

fn decoded<G: Game>(bytes: &[u8]) -> Option<InputDatagram<G::Input>> {
    let mut from = BitReader::new(bytes);
    let datagram = heap::bounded(bytes.len(), || InputDatagram::<G::Input>::decode(&mut from)).ok()?;
    from.finish().ok()?;
    Some(datagram)
}

fn is_decoded_or_refused<G: Game>(busy: G::Input) {
    let samples = samples::<G>(busy);
    check!().with_iterations(20_000).with_generator(Damage::any()).for_each(|damage| {
        if let Some(datagram) = decoded::<G>(&damage.applied(&samples)) {
            let ticks: Vec<_> = datagram.batch.iter().map(|(tick, _)| tick).collect();
            assert!(ticks.len() <= MAX_INPUTS_PER_DATAGRAM, "a batch must keep to its maximum length");
            assert!(
                ticks.windows(2).all(|pair| pair[0].next() == pair[1]),
                "the ticks of a batch must be consecutive: {ticks:?}"
            );
        }
    });
}

fn a_room_accepts_any_inputs<G: Game>(busy: G::Input, iterations: usize) {
    let samples = samples::<G>(busy);
    check!().with_iterations(iterations).with_type::<Vec<Damage>>().for_each(|datagrams| {
        let setup =
            Setup { settings: G::Settings::default(), seed: 1, seats: 2, tick_rate: TickRate::default() };
        let mut room = RoomState::<G>::new(&setup, 1, G::SKILLS[0]);
        room.take_seat(PlayerId(1), TicketNumber::default(), Name::lossy("fuzz"), &mut Vec::new());
        room.settle_bots(&mut Vec::new());
        for damage in datagrams {
            if let Some(datagram) = decoded::<G>(&damage.applied(&samples)) {
                let arrived = i64::from(room.tick().0) * 16;
                room.input(SeatId(0), &datagram.batch, arrived);
            }
            room.step();
            room.publish();
            drop(room.drain_events());
        }
    });
}

/// An input with most fields set.
const RUNNING: Input = Input {
    move_x: -100,
    move_y: 27,
    aim: quarrel_shared::game::Angle(40_000),
    weapon: quarrel_shared::arena::Weapon::Sword,
    fire: true,
    dash: true,
};

#[test]
fn an_arena_input_is_decoded_or_refused() {
    is_decoded_or_refused::<Arena>(RUNNING);
}

#[test]
fn a_crowd_input_is_decoded_or_refused() {
    is_decoded_or_refused::<Crowd>(Steering { bend: -77 });
}

#[test]
fn a_room_of_arena_accepts_any_inputs() {
    a_room_accepts_any_inputs::<Arena>(RUNNING, 300);
}

#[test]
fn a_room_of_crowd_accepts_any_inputs() {
    a_room_accepts_any_inputs::<Crowd>(Steering { bend: -77 }, 300);
}
