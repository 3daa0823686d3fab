//! Bisect of a real server's journal: a game that reads an outside counter is found, with the tick and the field.

use quarrel_harness::{
    Player, TestServer,
    games::{Fickle, Push},
};
use quarrel_server::{cli::ExitCode, storage::journals::JournalStore as _};

use crate::replay::{JournalFolder, assert_output, replay};

#[tokio::test]
async fn a_bisect_of_a_servers_journal_finds_the_counter_that_its_game_reads() {
    let folder = JournalFolder::new("bisect-of-a-server");
    for checksum_ms in ["1", "1000", "0"] {
        let server = TestServer::<Fickle>::start(&[
            ("room.sync_test", "off"),
            ("journal.checksum_ms", checksum_ms),
            ("journal.checkpoint_ms", "1000"),
            ("game.settings.from", "40"),
            ("game.settings.flaw", "field"),
        ]);
        let (mut ada, _) = Player::<Fickle>::connect_and_join(server.address(), "Ada").await;
        ada.set_input(Push(3));
        ada.wait_for_view("a second after the flaw", |view| view.tick.0 > 70).await;
        let journals = server.journals();
        drop(ada);
        assert!(server.shutdown().await, "a server must stop in time");
        let kept = journals.list().expect("a list");
        assert_eq!(kept.len(), 1, "the only room must leave one journal");
        let bytes = journals.read(kept[0].name).expect("the journal");
        let path = folder.put("a.journal", &bytes);
        let parts =
            ["the game is not deterministic", "different states at tick 40;", "Needle.reading.counter"];
        assert_output(replay(&["bisect", &path]), ExitCode::Internal, &parts);
    }
}
