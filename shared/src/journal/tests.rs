//! From a room to bytes and back.

use super::{playback::Played, *};
use crate::{
    crowd::{Crowd, CrowdSettings, Steering},
    game::{Game as _, Outbox, Setup},
    id::{PlayerId, SeatId},
    protocol::{TicketNumber, messages::Name},
    sub_tick::SubTick,
    tick::{Tick, TickRate},
};

const SEATS: u16 = 3;

/// A room of walkers and its journal.
struct Room {
    game: Crowd,
    tick: Tick,
    holders: Vec<Option<Holder>>,
    header: Header,
    recorder: Recorder<Crowd>,
    packer: Packer,
    bytes: Vec<u8>,
}

impl Room {
    fn open(seed: u64) -> Self {
        let setup = Setup { settings: CrowdSettings {}, seed, seats: SEATS, tick_rate: TickRate::DEFAULT };
        let header = Header { checksum_ticks: 10, ..Header::of::<Crowd>(&setup).unwrap() };
        let mut room = Self {
            game: Crowd::new(&setup),
            tick: Tick(0),
            holders: vec![None; usize::from(SEATS)],
            recorder: Recorder::new(&header),
            packer: Packer::new().unwrap(),
            bytes: Vec::new(),
            header,
        };
        room.write(&Piece::header(&room.header));
        room.checkpoint();
        room
    }

    fn write(&mut self, piece: &Piece) {
        self.packer.pack(piece, &mut self.bytes).unwrap();
    }

    fn flush(&mut self) {
        if let Some(piece) = self.recorder.take() {
            self.write(&piece);
        }
    }

    fn checkpoint(&mut self) {
        self.flush();
        let piece = self.recorder.checkpoint(&self.game, self.tick, self.holders.clone());
        self.write(&piece);
    }

    /// The writer was killed when the file had so many bytes, and another goes on.
    fn go_on(&mut self, bytes: usize) {
        let torn = self.bytes[..bytes].to_vec();
        let journal = Journal::open(&torn).unwrap();
        let mut playback = Playback::<Crowd>::begin(&journal).unwrap();
        while playback.advance().unwrap().is_some() {}
        self.packer = Packer::resume(&journal).unwrap();
        self.bytes.truncate(self.packer.place().bytes as usize);
        (self.tick, self.holders) = (playback.tick(), playback.holders().to_vec());
        self.game = playback.into_game();
        self.write(&Piece::note(&Note::Resumed { run: 2, build: "b".into(), unix_ms: 9 }, self.tick));
        self.checkpoint();
    }

    /// So many ticks, flushed every seven of them; the seats steer as the tick's number says.
    fn play(&mut self, ticks: u32) {
        for _ in 0..ticks {
            self.tick = self.tick.next();
            let n = self.tick.0;
            let mut notes = Vec::new();
            if n.is_multiple_of(20) {
                let seat = SeatId((n / 20) as u16 % SEATS);
                let holder = Holder {
                    name: Name::lossy(&format!("guest {n}")),
                    player: Some((PlayerId(n.into()), TicketNumber { run: 1, count: 0 })),
                };
                if self.holders[seat.index()].is_some() {
                    notes.push(SeatNote::Left(seat));
                }
                notes.push(SeatNote::Taken(seat, holder));
            }
            notes.iter().for_each(|note| note.clone().apply(&mut self.holders));
            let steer = |seat: u32| {
                (self.holders[seat as usize].is_some() && n % 5 > 1)
                    .then_some(Steering { bend: (n / 9 % 7) as i8 as _ })
            };
            let entries = Entries {
                changes: notes.iter().filter_map(SeatNote::change).collect(),
                inputs: (0..SEATS.into()).map(steer).collect(),
                seen: vec![SubTick::of(self.tick); usize::from(SEATS)],
            };
            entries.apply(&mut self.game, self.tick, TickRate::DEFAULT, &mut Outbox::new());
            self.recorder.tick(self.tick, &notes, &entries, &self.game);
            if n.is_multiple_of(7) {
                self.flush();
            }
        }
    }
}

/// Plays it to its end: how many ticks there were, and everything else that was met on the way.
fn replay(bytes: &[u8]) -> (u32, Vec<Played<Steering>>, Tick) {
    let journal = Journal::open(bytes).unwrap();
    let mut playback = Playback::<Crowd>::begin(&journal).unwrap();
    let (mut ticks, mut others) = (0, Vec::new());
    while let Some(played) = playback.advance().unwrap() {
        match played {
            Played::Tick(_) => ticks += 1,
            other => others.push(other),
        }
    }
    (ticks, others, playback.tick())
}

#[test]
fn a_room_is_played_again_from_its_journal_to_the_last_bit() {
    let mut room = Room::open(5);
    room.play(100);
    room.checkpoint();
    room.write(&Piece::note(&Note::Mark { reason: "look here".into() }, Tick(100)));
    room.play(50);
    room.flush();
    room.packer.end("room_closed", room.tick, &mut room.bytes);
    let (ticks, others, last) = replay(&room.bytes);
    assert_eq!((ticks, others, last), (150, vec![Played::Checkpoint(Tick(100))], Tick(150)));

    let journal = Journal::open(&room.bytes).unwrap();
    assert_eq!((journal.end(), journal.torn()), (Some("room_closed"), None));
    assert_eq!(journal.header(), &room.header);
    let notes: Vec<_> = journal.notes().map(Result::unwrap).collect();
    assert_eq!(notes, [(Tick(100), Note::Mark { reason: "look here".into() })]);
    assert_eq!(journal.checkpoints().collect::<Vec<_>>(), [Tick(0), Tick(100)]);
    let mut playback = Playback::<Crowd>::from_segment(&journal, 1).unwrap();
    while playback.advance().unwrap().is_some() {}
    assert_eq!(playback.holders(), room.holders, "whoever sat there sits there");
    let mut scratch = crate::bits::BitWriter::new();
    assert_eq!(playback.checksum(), crate::game::checksum(&room.game, &mut scratch));
}

#[test]
fn the_index_at_the_end_says_where_everything_stands() {
    let mut room = Room::open(5);
    room.play(30);
    room.checkpoint();
    room.write(&Piece::note(&Note::Saved, Tick(30)));
    room.packer.end("server_stopping", room.tick, &mut room.bytes);
    let offset = block::read_trailer(&room.bytes).unwrap() as usize;
    let end = block::read(&room.bytes, offset, Tick(30)).unwrap();
    let (reason, index) = block::read_end(&room.bytes[end.payload]).unwrap();
    assert_eq!(reason, "server_stopping");
    assert_eq!(index, Journal::open(&room.bytes).unwrap().index());
    let kinds: Vec<_> = index.iter().map(|entry| (entry.kind, entry.tick)).collect();
    assert_eq!(
        kinds,
        [(PieceKind::Checkpoint, Tick(0)), (PieceKind::Checkpoint, Tick(30)), (PieceKind::Note, Tick(30))]
    );
}

#[test]
fn a_journal_cut_anywhere_is_read_up_to_its_last_whole_block() {
    let mut room = Room::open(6);
    room.play(60);
    room.checkpoint();
    room.play(21);
    let whole = Journal::open(&room.bytes).unwrap();
    let ends: Vec<_> = whole.blocks().iter().map(|block| (block.end, block.tick)).collect();
    for cut in ends[1].0..room.bytes.len() {
        let (ticks, _, last) = replay(&room.bytes[..cut]);
        let good = ends.iter().rfind(|(end, _)| *end <= cut).unwrap();
        assert_eq!((ticks, last), (good.1.0, good.1), "cut at byte {cut}");
        let torn = Journal::open(&room.bytes[..cut]).unwrap().torn();
        assert_eq!(torn.map(|torn| torn.offset), (good.0 < cut).then_some(good.0));
    }
}

#[test]
fn a_flipped_bit_ends_the_journal_before_its_block() {
    let mut room = Room::open(6);
    room.play(70);
    let whole = Journal::open(&room.bytes).unwrap();
    let block = whole.blocks()[4].clone();
    for at in block.offset..block.end {
        let mut bytes = room.bytes.clone();
        bytes[at] ^= 0x10;
        let journal = Journal::open(&bytes).unwrap();
        assert_eq!(journal.good_bytes(), block.offset, "byte {at}");
        assert!(journal.torn().is_some());
    }
}

#[test]
fn an_input_that_was_changed_shows_at_the_next_checksum() {
    let mut room = Room::open(7);
    room.play(34);
    // What nobody wrote down.
    room.game.seat_left(SeatId(1));
    room.play(6);
    room.flush();
    let (_, others, _) = replay(&room.bytes);
    let [Played::Diverged(divergence)] = &others[..] else { panic!("{others:?}") };
    assert_eq!(divergence.tick, Tick(40), "ticks carry their checksum every ten");
}

#[test]
fn a_writer_goes_on_behind_the_last_whole_block() {
    let mut room = Room::open(8);
    room.play(49);
    let cut = room.bytes.len() - 3;
    room.go_on(cut);
    assert_eq!(room.tick, Tick(42));
    room.play(20);
    room.flush();
    let (ticks, others, last) = replay(&room.bytes);
    assert_eq!((ticks, others, last), (62, vec![Played::Checkpoint(Tick(42))], Tick(62)));
    assert_eq!(room.packer.place().bytes, room.bytes.len() as u64);
}

#[test]
fn a_writer_goes_on_in_front_of_what_is_said_of_ticks_that_cannot_be_played() {
    let mut room = Room::open(9);
    room.play(42);
    room.write(&Piece::note(&Note::Lost { from: 43, to: 55, why: "the disk is full".into() }, Tick(55)));
    // The checkpoint that was to follow is not in the file.
    room.go_on(room.bytes.len());
    assert_eq!(room.tick, Tick(42));
    room.play(20);
    room.flush();
    let (ticks, others, last) = replay(&room.bytes);
    assert_eq!((ticks, others, last), (62, vec![Played::Checkpoint(Tick(42))], Tick(62)));
    let journal = Journal::open(&room.bytes).unwrap();
    assert_eq!(journal.notes().count(), 1, "nothing is missing, and nothing says so");
    room.packer.end("room_closed", room.tick, &mut room.bytes);
    let whole = Journal::open(&room.bytes).unwrap();
    assert_eq!((whole.torn(), whole.end()), (None, Some("room_closed")));
}

#[test]
fn ticks_that_are_lost_are_said_and_played_across() {
    let mut room = Room::open(9);
    room.play(35);
    let place = room.packer.place();
    room.play(20);
    // None of those could be written.
    room.packer.go_back(place);
    room.bytes.truncate(place.bytes as usize);
    room.write(&Piece::note(&Note::Lost { from: 36, to: 55, why: "the disk is full".into() }, Tick(55)));
    let piece = room.recorder.checkpoint(&room.game, room.tick, room.holders.clone());
    room.write(&piece);
    room.play(10);
    room.flush();
    let (ticks, others, last) = replay(&room.bytes);
    assert_eq!((ticks, last), (45, Tick(65)));
    assert_eq!(others, [Played::Lost { from: Tick(35), to: Tick(55) }]);
}
