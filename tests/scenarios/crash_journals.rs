//! Recovery with bad journals: one that can never be restored is set aside with the reason, one that another start can restore
//! stays in place, and the other rooms are restored.

use quarrel_harness::{
    KillableServer, Player,
    games::{Fickle, FickleSettings, Throng, ThrongSettings},
    journals::RecordedRoom,
    killable_server::{PersistedState, wait_for_resume},
};
use quarrel_server::storage::journals::{JournalName, JournalStore};
use quarrel_shared::{
    game::{Game, Setup},
    journal::{ChunkKind, Journal},
    tick::TickRate,
};

/// The journal of a killed server's room, which ran for this number of ticks without inputs.
fn unfinished<G: Game>(settings: G::Settings, hz: u16, ticks: u32) -> Vec<u8> {
    let tick_rate = TickRate::new(hz).expect("a rate");
    let setup = Setup { settings, seed: 7, seats: 1, tick_rate };
    let mut room = RecordedRoom::<G>::open(setup, vec![None], 1);
    room.play(ticks);
    room.bytes().to_vec()
}

/// A journal whose replay panics: its header has other settings than the room had.
fn breaking() -> Vec<u8> {
    let ticks_of = unfinished::<Throng>(ThrongSettings::default(), 30, 60);
    let header_of =
        unfinished::<Throng>(ThrongSettings { breaks_at: 40, ..ThrongSettings::default() }, 30, 0);
    let header = |bytes: &[u8]| Journal::open(bytes).expect("a journal").blocks()[0].end;
    [&header_of[..header(&header_of)], &ticks_of[header(&ticks_of)..]].concat()
}

/// The journal with a bit flipped in the last block of this kind that is followed by other blocks.
fn damaged(mut bytes: Vec<u8>, kind: ChunkKind) -> Vec<u8> {
    let journal = Journal::open(&bytes).expect("a journal");
    let (_, before) = journal.blocks().split_last().expect("it has blocks");
    let at = before.iter().rfind(|block| block.kind == kind).expect("a block of the kind").payload.start;
    bytes[at] ^= 1;
    bytes
}

fn plant(persisted: &PersistedState, room: u64, bytes: &[u8]) {
    let file = persisted.journals.create(JournalName { run: 1, room });
    file.and_then(|mut file| file.append(bytes)).expect("memory");
}

#[tokio::test]
async fn unusable_journals_are_set_aside_with_their_reason_and_other_rooms_are_restored() {
    let one_seat = [("room.seats", "1"), ("room.bots", "0")];
    let server = KillableServer::start::<Throng>(&one_seat);
    let (mut ada, before) = Player::<Throng>::connect_and_join(server.address(), "Ada").await;
    let (_ben, bens) = Player::<Throng>::connect_and_join(server.address(), "Ben").await;
    ada.wait_for_ticks(60).await;
    let persisted = server.kill();
    let bens = JournalName { run: 1, room: bens.room.0 };
    let ticks = damaged(persisted.journals.read(bens).expect("Ben's journal"), ChunkKind::Ticks);
    plant(&persisted, bens.room, &ticks);
    plant(&persisted, 91, &unfinished::<Fickle>(FickleSettings::default(), 60, 60));
    plant(&persisted, 92, &unfinished::<Throng>(ThrongSettings::default(), 20, 60));
    plant(&persisted, 93, &breaking());
    plant(&persisted, 94, &b"no journal at all ".repeat(300));
    plant(&persisted, 96, &unfinished::<Throng>(ThrongSettings::default(), 30, 60));
    plant(&persisted, 97, b"QRLJ");
    plant(
        &persisted,
        95,
        &damaged(unfinished::<Throng>(ThrongSettings::default(), 30, 60), ChunkKind::Checkpoint),
    );

    let server = persisted.clone().start::<Throng>(&one_seat);
    wait_for_resume(&mut ada, &before).await;
    ada.wait_for_ticks(10).await;
    let aside = persisted.journals.aside();
    let reasons = [(bens.room, "damaged"), (94, "not a journal"), (95, "damaged"), (96, "a copy of")];
    for (room, reason) in reasons {
        let noted = aside.get(&JournalName { run: 1, room });
        assert!(
            noted.is_some_and(|noted| noted.contains(reason)),
            "room {room} must be set aside as {reason}: {noted:?}"
        );
    }
    assert_eq!(aside.len(), reasons.len());
    let is_in_place = |room| persisted.journals.read(JournalName { run: 1, room }).is_ok();
    assert!(
        is_in_place(91) && is_in_place(92) && is_in_place(93),
        "a start with that game or rate, or with another build, can restore these, so they must stay"
    );
    assert!(!is_in_place(97), "a journal without a header must be removed");
    assert_eq!(server.metric("quarrel_journals_set_aside_total"), 4.0);
    assert_eq!(server.metric("quarrel_rooms_resumed_total"), 1.0);
    let (_carl, carls) = Player::<Throng>::connect_and_join(server.address(), "Carl").await;
    assert_eq!(carls.room.0, 94, "a journal that waits for another start must keep its room number");
}
