//! Files whose blocks are whole and hold anything: an answer or an error, and never a panic.

use proptest::prelude::*;

use crate::{
    crowd::{Crowd, CrowdSettings},
    game::{Game as _, Setup},
    journal::{
        Header, Journal, Packer, Piece, PieceKind, Recorder,
        bisect::{alone, pair},
        slice::slice,
    },
    tick::{Tick, TickRate},
};

fn piece() -> impl Strategy<Value = (u8, u32, Vec<u8>)> {
    (0u8..4, 0u32..4, proptest::collection::vec(any::<u8>(), 0..40))
}

/// A room's beginning, and then whatever came out of the dice.
fn journal(pieces: &[(u8, u32, Vec<u8>)]) -> Vec<u8> {
    let setup = Setup { settings: CrowdSettings {}, seed: 1, seats: 3, tick_rate: TickRate::DEFAULT };
    let header = Header { checksum_ticks: 2, ..Header::of::<Crowd>(&setup).unwrap() };
    let (game, mut recorder) = (Crowd::new(&setup), Recorder::<Crowd>::new(&header));
    let (mut packer, mut bytes) = (Packer::new().unwrap(), Vec::new());
    packer.pack(&Piece::header(&header), &mut bytes).unwrap();
    let genuine = recorder.checkpoint(&game, Tick(0), vec![None; 3]);
    packer.pack(&genuine, &mut bytes).unwrap();
    let mut tick = Tick(0);
    for (kind, ticks, payload) in pieces {
        let (kind, payload) = match kind {
            // A state that can be loaded, else little would be played.
            0 => (PieceKind::Checkpoint, genuine.bytes.clone()),
            1 => (PieceKind::Checkpoint, payload.clone()),
            2 => (PieceKind::Note, payload.clone()),
            _ => (PieceKind::Ticks, [&(*ticks as u16).to_le_bytes(), &payload[..]].concat()),
        };
        tick = tick.after(*ticks);
        packer.pack(&Piece { kind, tick, bytes: payload }, &mut bytes).unwrap();
    }
    bytes
}

proptest! {
    #[test]
    fn any_blocks_end_in_an_answer_or_an_error(
        one in proptest::collection::vec(piece(), 0..8),
        other in proptest::collection::vec(piece(), 0..8),
        from in 0u32..20,
        to in 0u32..20,
    ) {
        let (one, other) = (journal(&one), journal(&other));
        let (one, other) = (Journal::open(&one).unwrap(), Journal::open(&other).unwrap());
        // Whatever they come to is right, as long as they come to something.
        let _ = alone::<Crowd>(&one);
        let _ = pair::<Crowd>(&one, &other);
        if let Ok(cut) = slice::<Crowd>(&one, Tick(from), Tick(to)) {
            prop_assert!(Journal::open(&cut.bytes).is_ok_and(|cut| cut.torn().is_none()));
        }
    }
}
