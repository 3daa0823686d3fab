//! Tests of the entire way from a room's ticks to a journal's bytes, and back by a playback.

use super::{playback::PlaybackStep, *};
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
    writer: JournalWriter,
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
            writer: JournalWriter::new().unwrap(),
            bytes: Vec::new(),
            header,
        };
        room.write(&Chunk::header(&room.header));
        room.checkpoint();
        room
    }

    fn write(&mut self, chunk: &Chunk) {
        self.writer.write(chunk, &mut self.bytes).unwrap();
    }

    fn flush(&mut self) {
        if let Some(chunk) = self.recorder.take() {
            self.write(&chunk);
        }
    }

    fn checkpoint(&mut self) {
        self.flush();
        let chunk = self.recorder.checkpoint(&self.game, self.tick, self.holders.clone());
        self.write(&chunk);
    }

    /// Cuts the file to this length, as if the writer was killed, and resumes the journal with another writer.
    fn resume(&mut self, bytes: usize) {
        let cut = self.bytes[..bytes].to_vec();
        let journal = Journal::open(&cut).unwrap();
        let mut playback = Playback::<Crowd>::open(&journal).unwrap();
        while playback.advance().unwrap().is_some() {}
        self.writer = JournalWriter::resume(&journal).unwrap();
        self.bytes.truncate(self.writer.position().bytes as usize);
        (self.tick, self.holders) = (playback.tick(), playback.holders().to_vec());
        self.game = playback.into_game();
        self.write(&Chunk::annotation(
            &Annotation::Resumed { run: 2, build: "b".into(), unix_ms: 9 },
            self.tick,
        ));
        self.checkpoint();
    }

    /// Plays this number of ticks, with a flush every seventh tick. The inputs are computed from the tick's number.
    fn play(&mut self, ticks: u32) {
        for _ in 0..ticks {
            self.tick = self.tick.next();
            let n = self.tick.0;
            let mut seat_entries = Vec::new();
            if n.is_multiple_of(20) {
                let seat = SeatId((n / 20) as u16 % SEATS);
                let holder = Holder {
                    name: Name::lossy(&format!("guest {n}")),
                    player: Some((PlayerId(n.into()), TicketNumber { run: 1, count: 0 })),
                };
                if self.holders[seat.index()].is_some() {
                    seat_entries.push(SeatEntry::Left(seat));
                }
                seat_entries.push(SeatEntry::Taken(seat, holder));
            }
            seat_entries.iter().for_each(|entry| entry.clone().apply(&mut self.holders));
            let steer = |seat: u32| {
                (self.holders[seat as usize].is_some() && n % 5 > 1)
                    .then_some(Steering { bend: (n / 9 % 7) as i8 as _ })
            };
            let entries = Entries {
                changes: seat_entries.iter().filter_map(SeatEntry::change).collect(),
                inputs: (0..SEATS.into()).map(steer).collect(),
                seen: vec![SubTick::of(self.tick); usize::from(SEATS)],
            };
            entries.apply(&mut self.game, self.tick, TickRate::DEFAULT, &mut Outbox::new());
            self.recorder.tick(self.tick, &seat_entries, &entries, &self.game);
            if n.is_multiple_of(7) {
                self.flush();
            }
        }
    }
}

/// Plays a journal to its end. Returns the number of ticks, all other steps, and the last tick.
fn replay(bytes: &[u8]) -> (u32, Vec<PlaybackStep<Steering>>, Tick) {
    let journal = Journal::open(bytes).unwrap();
    let mut playback = Playback::<Crowd>::open(&journal).unwrap();
    let (mut ticks, mut others) = (0, Vec::new());
    while let Some(played) = playback.advance().unwrap() {
        match played {
            PlaybackStep::Tick(_) => ticks += 1,
            other => others.push(other),
        }
    }
    (ticks, others, playback.tick())
}

#[test]
fn a_room_is_played_again_from_its_journal_bit_for_bit() {
    let mut room = Room::open(5);
    room.play(100);
    room.checkpoint();
    room.write(&Chunk::annotation(&Annotation::Mark { reason: "look here".into() }, Tick(100)));
    room.play(50);
    room.flush();
    room.writer.end("room_closed", room.tick, &mut room.bytes);
    let (ticks, others, last) = replay(&room.bytes);
    assert_eq!((ticks, others, last), (150, vec![PlaybackStep::Checkpoint(Tick(100))], Tick(150)));

    let journal = Journal::open(&room.bytes).unwrap();
    assert_eq!((journal.end(), journal.tail()), (Some("room_closed"), None));
    assert_eq!(journal.header(), &room.header);
    let annotations: Vec<_> = journal.annotations().map(Result::unwrap).collect();
    assert_eq!(annotations, [(Tick(100), Annotation::Mark { reason: "look here".into() })]);
    assert_eq!(journal.checkpoints().collect::<Vec<_>>(), [Tick(0), Tick(100)]);
    let mut playback = Playback::<Crowd>::from_segment(&journal, 1).unwrap();
    while playback.advance().unwrap().is_some() {}
    assert_eq!(playback.holders(), room.holders, "the holders are restored");
    let mut scratch = crate::bits::BitWriter::new();
    assert_eq!(playback.checksum(), crate::game::checksum(&room.game, &mut scratch));
}

#[test]
fn the_index_at_the_end_has_the_position_of_every_checkpoint_and_annotation() {
    let mut room = Room::open(5);
    room.play(30);
    room.checkpoint();
    room.write(&Chunk::annotation(&Annotation::Saved, Tick(30)));
    room.writer.end("server_stopping", room.tick, &mut room.bytes);
    let offset = block::read_trailer(&room.bytes).unwrap() as usize;
    let end = block::read(&room.bytes, offset, Tick(30)).unwrap();
    let (reason, index) = block::read_end(&room.bytes[end.payload]).unwrap();
    assert_eq!(reason, "server_stopping");
    assert_eq!(index, Journal::open(&room.bytes).unwrap().index());
    let kinds: Vec<_> = index.iter().map(|entry| (entry.kind, entry.tick)).collect();
    assert_eq!(
        kinds,
        [
            (ChunkKind::Checkpoint, Tick(0)),
            (ChunkKind::Checkpoint, Tick(30)),
            (ChunkKind::Annotation, Tick(30))
        ]
    );
}

#[test]
fn a_journal_cut_at_any_byte_is_read_up_to_its_last_complete_block() {
    let mut room = Room::open(6);
    room.play(60);
    room.checkpoint();
    room.play(21);
    let whole = Journal::open(&room.bytes).unwrap();
    let ends: Vec<_> = whole.blocks().iter().map(|block| (block.end, block.tick)).collect();
    for cut in ends[1].0..room.bytes.len() {
        let (ticks, _, last) = replay(&room.bytes[..cut]);
        let (end, tick) = *ends.iter().rfind(|(end, _)| *end <= cut).unwrap();
        assert_eq!((ticks, last), (tick.0, tick), "cut at byte {cut}");
        let tail = Journal::open(&room.bytes[..cut]).unwrap().tail();
        assert_eq!(tail.map(|tail| tail.offset), (end < cut).then_some(end));
    }
}

#[test]
fn a_journal_with_a_flipped_bit_is_read_up_to_the_block_before() {
    let mut room = Room::open(6);
    room.play(70);
    let whole = Journal::open(&room.bytes).unwrap();
    let block = whole.blocks()[4].clone();
    for at in block.offset..block.end {
        let mut bytes = room.bytes.clone();
        bytes[at] ^= 0x10;
        let journal = Journal::open(&bytes).unwrap();
        assert_eq!(journal.valid_bytes(), block.offset, "byte {at}");
        assert!(journal.tail().is_some());
    }
}

#[test]
fn a_state_that_was_changed_outside_of_the_journal_shows_at_the_next_checksum() {
    let mut room = Room::open(7);
    room.play(34);
    // The journal does not record this change.
    room.game.seat_left(SeatId(1));
    room.play(6);
    room.flush();
    let (_, others, _) = replay(&room.bytes);
    let [PlaybackStep::Diverged(divergence)] = &others[..] else { panic!("{others:?}") };
    assert_eq!(divergence.tick, Tick(40), "every tenth tick carries a checksum");
}

#[test]
fn a_writer_resumes_after_the_last_complete_block() {
    let mut room = Room::open(8);
    room.play(49);
    let cut = room.bytes.len() - 3;
    room.resume(cut);
    assert_eq!(room.tick, Tick(42));
    room.play(20);
    room.flush();
    let (ticks, others, last) = replay(&room.bytes);
    assert_eq!((ticks, others, last), (62, vec![PlaybackStep::Checkpoint(Tick(42))], Tick(62)));
    assert_eq!(room.writer.position().bytes, room.bytes.len() as u64);
}

#[test]
fn a_writer_resumes_before_annotations_about_ticks_that_cannot_be_played() {
    let mut room = Room::open(9);
    room.play(42);
    room.write(&Chunk::annotation(
        &Annotation::Lost { from: 43, to: 55, why: "the disk is full".into() },
        Tick(55),
    ));
    // The checkpoint that follows a gap is missing from the file.
    room.resume(room.bytes.len());
    assert_eq!(room.tick, Tick(42));
    room.play(20);
    room.flush();
    let (ticks, others, last) = replay(&room.bytes);
    assert_eq!((ticks, others, last), (62, vec![PlaybackStep::Checkpoint(Tick(42))], Tick(62)));
    let journal = Journal::open(&room.bytes).unwrap();
    assert_eq!(
        journal.annotations().count(),
        1,
        "no tick is missing, so the annotation of lost ticks is gone"
    );
    room.writer.end("room_closed", room.tick, &mut room.bytes);
    let whole = Journal::open(&room.bytes).unwrap();
    assert_eq!((whole.tail(), whole.end()), (None, Some("room_closed")));
}

#[test]
fn lost_ticks_are_annotated_and_the_playback_continues_after_them() {
    let mut room = Room::open(9);
    room.play(35);
    let position = room.writer.position();
    room.play(20);
    // None of these ticks could be written.
    room.writer.roll_back(position);
    room.bytes.truncate(position.bytes as usize);
    room.write(&Chunk::annotation(
        &Annotation::Lost { from: 36, to: 55, why: "the disk is full".into() },
        Tick(55),
    ));
    let chunk = room.recorder.checkpoint(&room.game, room.tick, room.holders.clone());
    room.write(&chunk);
    room.play(10);
    room.flush();
    let (ticks, others, last) = replay(&room.bytes);
    assert_eq!((ticks, last), (45, Tick(65)));
    assert_eq!(others, [PlaybackStep::Lost { from: Tick(35), to: Tick(55) }]);
}
