//! Journals of valid blocks with arbitrary payloads: reading them returns a result or an error, and never panics.

use proptest::prelude::*;

use crate::{
    crowd::{Crowd, CrowdSettings},
    game::{Game as _, Setup},
    journal::{
        Chunk, ChunkKind, Header, Journal, JournalWriter, Recorder,
        bisect::{bisect_one, bisect_pair},
        slice::slice,
    },
    tick::{Tick, TickRate},
};

fn chunk() -> impl Strategy<Value = (u8, u32, Vec<u8>)> {
    (0u8..4, 0u32..4, proptest::collection::vec(any::<u8>(), 0..40))
}

/// Returns a journal with a genuine header and checkpoint, then blocks of these kinds, ticks and payloads.
fn journal(chunks: &[(u8, u32, Vec<u8>)]) -> Vec<u8> {
    let setup = Setup { settings: CrowdSettings {}, seed: 1, seats: 3, tick_rate: TickRate::DEFAULT };
    let header = Header { checksum_ticks: 2, ..Header::of::<Crowd>(&setup).unwrap() };
    let (game, mut recorder) = (Crowd::new(&setup), Recorder::<Crowd>::new(&header));
    let (mut writer, mut bytes) = (JournalWriter::new().unwrap(), Vec::new());
    writer.write(&Chunk::header(&header), &mut bytes).unwrap();
    let genuine = recorder.checkpoint(&game, Tick(0), vec![None; 3]);
    writer.write(&genuine, &mut bytes).unwrap();
    let mut tick = Tick(0);
    for (kind, ticks, payload) in chunks {
        let (kind, payload) = match kind {
            // A state that can be loaded, because otherwise few ticks would be played.
            0 => (ChunkKind::Checkpoint, genuine.bytes.clone()),
            1 => (ChunkKind::Checkpoint, payload.clone()),
            2 => (ChunkKind::Annotation, payload.clone()),
            _ => (ChunkKind::Ticks, [&(*ticks as u16).to_le_bytes(), &payload[..]].concat()),
        };
        tick = tick.after(*ticks);
        writer.write(&Chunk { kind, tick, bytes: payload }, &mut bytes).unwrap();
    }
    bytes
}

proptest! {
    #[test]
    fn any_blocks_give_a_result_or_an_error(
        one in proptest::collection::vec(chunk(), 0..8),
        other in proptest::collection::vec(chunk(), 0..8),
        from in 0u32..20,
        to in 0u32..20,
    ) {
        let (one, other) = (journal(&one), journal(&other));
        let (one, other) = (Journal::open(&one).unwrap(), Journal::open(&other).unwrap());
        // The test is that nothing panics.
        let _ = bisect_one::<Crowd>(&one);
        let _ = bisect_pair::<Crowd>(&one, &other);
        if let Ok(cut) = slice::<Crowd>(&one, Tick(from), Tick(to)) {
            prop_assert!(Journal::open(&cut.bytes).is_ok_and(|cut| cut.tail().is_none()));
        }
    }
}
