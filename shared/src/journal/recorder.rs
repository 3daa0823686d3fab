//! The room side of a journal: encodes ticks as bits and collects them in chunks. It runs within a room's tick, so it does little:
//! compression, block checksums and files are left to the storage.

use crate::{
    bits::BitWriter,
    game::{Game, checksum},
    journal::{Annotation, Checkpoint, Chunk, ChunkKind, Entries, Header, Holder, SeatEntry, ticks},
    tick::Tick,
};

use super::ticks::TickCoder;

/// A recorder of one room's ticks.
#[derive(Debug)]
pub struct Recorder<G: Game> {
    coder: TickCoder<G::Input>,
    bits: BitWriter,
    /// The number of ticks in `bits`.
    count: u16,
    /// The last tick in `bits`.
    last: Tick,
    scratch: BitWriter,
}

impl<G: Game> Recorder<G> {
    /// Creates a recorder for the room of this header. The first chunk after the header's must be a checkpoint.
    #[must_use]
    pub fn new(header: &Header) -> Self {
        let coder = TickCoder::new(header);
        Self { coder, bits: BitWriter::new(), count: 0, last: Tick(0), scratch: BitWriter::new() }
    }

    /// Records a tick; `game` is the state after the tick.
    pub fn tick(&mut self, tick: Tick, seats: &[SeatEntry], entries: &Entries<G::Input>, game: &G) {
        // Compute the checksum first: a game may panic while it saves its state, and then nothing of this tick may be recorded.
        let sum = self.coder.has_checksum(tick).then(|| ticks::low_half(checksum(game, &mut self.scratch)));
        self.coder.encode(tick, seats, entries, &mut self.bits);
        if let Some(sum) = sum {
            self.bits.write_bits(sum, 32);
        }
        self.count += 1;
        self.last = tick;
    }

    /// Returns the number of recorded ticks that [`Self::take`] has not returned yet.
    #[must_use]
    pub const fn pending_ticks(&self) -> u16 {
        self.count
    }

    /// Returns a chunk of the ticks recorded since the last call; `None` if no tick was recorded.
    pub fn take(&mut self) -> Option<Chunk> {
        if self.count == 0 {
            return None;
        }
        let bits = self.bits.finish();
        let mut bytes = Vec::with_capacity(2 + bits.len());
        bytes.extend(self.count.to_le_bytes());
        bytes.extend(bits);
        self.discard();
        Some(Chunk { kind: ChunkKind::Ticks, tick: self.last, bytes })
    }

    /// Starts a new segment with this state, and returns its checkpoint. Discards recorded ticks that were not taken.
    pub fn checkpoint(&mut self, game: &G, tick: Tick, holders: Vec<Option<Holder>>) -> Chunk {
        self.discard();
        self.coder.restart(&holders);
        let checkpoint = Checkpoint::of(game, tick, holders, &mut self.scratch);
        let mut bytes = Vec::with_capacity(checkpoint.state.len() + 64);
        checkpoint.encode(&mut bytes);
        Chunk { kind: ChunkKind::Checkpoint, tick, bytes }
    }

    fn discard(&mut self) {
        self.bits.clear();
        self.count = 0;
    }
}

impl Chunk {
    /// Creates the first chunk of a journal.
    #[must_use]
    pub fn header(header: &Header) -> Self {
        Self { kind: ChunkKind::Header, tick: Tick(0), bytes: json(header) }
    }

    /// Creates a chunk with an annotation after this tick.
    #[must_use]
    pub fn annotation(annotation: &Annotation, tick: Tick) -> Self {
        Self { kind: ChunkKind::Annotation, tick, bytes: json(annotation) }
    }
}

/// Serializes a header or an annotation. It cannot fail, because all values of these types can be written as JSON.
fn json(value: &impl serde::Serialize) -> Vec<u8> {
    let written = serde_json::to_vec(value);
    debug_assert!(written.is_ok(), "headers and annotations are valid JSON: {written:?}");
    written.unwrap_or_default()
}
