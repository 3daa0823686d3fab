//! A journal that can never bring its room back is set aside with the reason, one that another start can is left where it is, and the
//! rooms of the others go on.

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

/// A journal that was left by a killed server, of a room in which nobody wanted anything for so many ticks.
fn left<G: Game>(settings: G::Settings, hz: u16, ticks: u32) -> Vec<u8> {
    let tick_rate = TickRate::new(hz).expect("a rate");
    let setup = Setup { settings, seed: 7, seats: 1, tick_rate };
    let mut room = RecordedRoom::<G>::open(setup, vec![None], 1);
    room.play(ticks);
    room.bytes().to_vec()
}

/// The journal of a room whose game panics when it is played again: it says of itself that it has other settings than it had.
fn breaking() -> Vec<u8> {
    let was = left::<Throng>(ThrongSettings::default(), 30, 60);
    let says = left::<Throng>(ThrongSettings { breaks_at: 40, ..ThrongSettings::default() }, 30, 0);
    let header = |bytes: &[u8]| Journal::open(bytes).expect("a journal").blocks()[0].end;
    [&says[..header(&says)], &was[header(&was)..]].concat()
}

/// The journal with a bit changed in the last block of this kind that has others behind it.
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
async fn what_cannot_be_brought_back_is_set_aside_with_its_reason_and_the_others_go_on() {
    let alone = [("room.seats", "1"), ("room.bots", "0")];
    let server = KillableServer::start::<Throng>(&alone);
    let (mut ada, before) = Player::<Throng>::connect_and_join(server.address(), "Ada").await;
    let (_ben, bens) = Player::<Throng>::connect_and_join(server.address(), "Ben").await;
    ada.wait_for_ticks(60).await;
    let persisted = server.kill();
    let bens = JournalName { run: 1, room: bens.room.0 };
    let ticks = damaged(persisted.journals.read(bens).expect("Ben's journal"), ChunkKind::Ticks);
    plant(&persisted, bens.room, &ticks);
    plant(&persisted, 91, &left::<Fickle>(FickleSettings::default(), 60, 60));
    plant(&persisted, 92, &left::<Throng>(ThrongSettings::default(), 20, 60));
    plant(&persisted, 93, &breaking());
    plant(&persisted, 94, &b"no journal at all ".repeat(300));
    plant(&persisted, 96, &left::<Throng>(ThrongSettings::default(), 30, 60));
    plant(&persisted, 97, b"QRLJ");
    plant(&persisted, 95, &damaged(left::<Throng>(ThrongSettings::default(), 30, 60), ChunkKind::Checkpoint));

    let server = persisted.clone().start::<Throng>(&alone);
    wait_for_resume(&mut ada, &before).await;
    ada.wait_for_ticks(10).await;
    let aside = persisted.journals.aside();
    let reasons =
        [(bens.room, "damaged"), (93, "panicked"), (94, "not a journal"), (95, "damaged"), (96, "a copy of")];
    for (room, reason) in reasons {
        let said = aside.get(&JournalName { run: 1, room });
        assert!(said.is_some_and(|said| said.contains(reason)), "{room} is set aside as {reason}: {said:?}");
    }
    assert_eq!(aside.len(), reasons.len());
    let left = |room| persisted.journals.read(JournalName { run: 1, room }).is_ok();
    assert!(left(91) && left(92), "another start can bring those back, of that game or at that rate");
    assert!(!left(97), "a file in which nothing was written yet is nothing to keep");
    assert_eq!(server.metric("quarrel_journals_set_aside_total"), 5.0);
    assert_eq!(server.metric("quarrel_rooms_resumed_total"), 1.0);
    let (_carl, carls) = Player::<Throng>::connect_and_join(server.address(), "Carl").await;
    assert_eq!(carls.room.0, 93, "a room that waits for another start keeps its number");
}
