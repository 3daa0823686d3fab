//! A room's side of its journal: ticks become pieces. Called within a tick, so it does as little as it can; squeezing, sums and disks
//! are the storage's affair.

use crate::{
    bits::BitWriter,
    game::{Game, checksum},
    journal::{Checkpoint, Entries, Header, Holder, Note, Piece, PieceKind, SeatNote, ticks},
    tick::Tick,
};

use super::ticks::TickCoder;

/// Writes a room down.
#[derive(Debug)]
pub struct Recorder<G: Game> {
    coder: TickCoder<G::Input>,
    bits: BitWriter,
    /// How many ticks are in `bits`, and the last of them.
    count: u16,
    last: Tick,
    scratch: BitWriter,
}

impl<G: Game> Recorder<G> {
    /// Of the room that this is the header of. The first thing to be written after it is a checkpoint.
    #[must_use]
    pub fn new(header: &Header) -> Self {
        let coder = TickCoder::new(header);
        Self { coder, bits: BitWriter::new(), count: 0, last: Tick(0), scratch: BitWriter::new() }
    }

    /// A tick was made, and this is the game after it.
    pub fn tick(&mut self, tick: Tick, seats: &[SeatNote], entries: &Entries<G::Input>, game: &G) {
        // First, for a game may panic while it saves its state, and then nothing of this tick is to be among those that wait.
        let sum = self.coder.has_checksum(tick).then(|| ticks::short(checksum(game, &mut self.scratch)));
        self.coder.encode(tick, seats, entries, &mut self.bits);
        if let Some(sum) = sum {
            self.bits.write_bits(sum, 32);
        }
        self.count += 1;
        self.last = tick;
    }

    /// How many ticks wait to be taken.
    #[must_use]
    pub const fn waiting(&self) -> u16 {
        self.count
    }

    /// The ticks since this was last asked.
    pub fn take(&mut self) -> Option<Piece> {
        if self.count == 0 {
            return None;
        }
        let bits = self.bits.finish();
        let mut bytes = Vec::with_capacity(2 + bits.len());
        bytes.extend(self.count.to_le_bytes());
        bytes.extend(bits);
        self.forget();
        Some(Piece { kind: PieceKind::Ticks, tick: self.last, bytes })
    }

    /// A new segment begins with this state. Ticks that wait are to be taken before; else they are forgotten.
    pub fn checkpoint(&mut self, game: &G, tick: Tick, holders: Vec<Option<Holder>>) -> Piece {
        self.forget();
        self.coder.restart(&holders);
        let checkpoint = Checkpoint::of(game, tick, holders, &mut self.scratch);
        let mut bytes = Vec::with_capacity(checkpoint.state.len() + 64);
        checkpoint.encode(&mut bytes);
        Piece { kind: PieceKind::Checkpoint, tick, bytes }
    }

    fn forget(&mut self) {
        self.bits.clear();
        self.count = 0;
    }
}

impl Piece {
    /// The piece that every journal begins with.
    #[must_use]
    pub fn header(header: &Header) -> Self {
        Self { kind: PieceKind::Header, tick: Tick(0), bytes: json(header) }
    }

    /// A note after this tick.
    #[must_use]
    pub fn note(note: &Note, tick: Tick) -> Self {
        Self { kind: PieceKind::Note, tick, bytes: json(note) }
    }
}

/// These types hold nothing that JSON cannot say.
fn json(value: &impl serde::Serialize) -> Vec<u8> {
    let written = serde_json::to_vec(value);
    debug_assert!(written.is_ok(), "a note is JSON: {written:?}");
    written.unwrap_or_default()
}
