//! The same seed and the same inputs give the same state at every tick, also after a checkpoint is loaded.

use super::rig::Rig;
use crate::{
    arena::{Arena, Input, Mode, Settings},
    bits::{BitReader, BitWriter},
    game::{Game, Inputs, Outbox, Rewind, Step, checksum},
    sub_tick::SubTick,
    tick::{Tick, TickRate},
};

fn rig(seed: u64, hz: u16) -> Rig {
    let settings = Settings { mode: Mode::Teams, result_s: 1, ..Settings::default() };
    Rig::new(&["hunt", "skirmish", "wander", "hunt", "skirmish", "hunt"], settings, hz, seed)
}

/// Steps a tick in which every seat sees the others about two ticks in the past.
fn step(arena: &mut Arena, tick: Tick, inputs: &[Option<Input>]) {
    let seen = vec![SubTick::of(tick).offset(-37); inputs.len()];
    let rewind = Rewind::new(tick, TickRate::DEFAULT, &seen);
    arena.step(Step { tick, inputs: Inputs::new(inputs), rewind, events: &mut Outbox::new() });
}

#[test]
fn a_loaded_room_continues_exactly_like_the_saved_one() {
    for hz in [10, 30, 128] {
        let mut rig = rig(11, hz);
        // Long enough for bolts in flight, drawn bows and eliminated fighters.
        (0..u32::from(hz) * 10).for_each(|_| drop(rig.step()));
        let mut out = BitWriter::new();
        rig.arena.save(&mut out);
        let mut from = BitReader::new(out.finish());
        let mut copy = Arena::load(&rig.setup, &mut from).unwrap();
        from.finish().unwrap();
        for _ in 0..500 {
            let inputs = rig.decide();
            rig.tick = rig.tick.next();
            step(&mut rig.arena, rig.tick, &inputs);
            step(&mut copy, rig.tick, &inputs);
            let (ours, theirs) = (checksum(&rig.arena, &mut out), checksum(&copy, &mut BitWriter::new()));
            assert_eq!(ours, theirs, "at tick {} and {hz} Hz", rig.tick);
        }
    }
}

#[test]
fn the_same_seed_and_inputs_give_the_same_states_twice() {
    let (mut one, mut two) = (rig(5, 30), rig(5, 30));
    let mut scratch = BitWriter::new();
    for _ in 0..900 {
        one.step();
        two.step();
        assert_eq!(checksum(&one.arena, &mut scratch), checksum(&two.arena, &mut scratch));
    }
}

#[test]
fn a_truncated_checkpoint_is_an_error() {
    let rig = rig(3, 30);
    let mut out = BitWriter::new();
    rig.arena.save(&mut out);
    let bytes = out.finish();
    for end in 0..bytes.len() {
        assert!(
            Arena::load(&rig.setup, &mut BitReader::new(&bytes[..end])).is_err(),
            "{end} bytes were enough"
        );
    }
}
