//! A game that reads an outside counter, in a room of a real server: the journal that the server wrote names the tick and the field.

use quarrel_harness::{
    Player, TestServer,
    games::{Fickle, Push},
};
use quarrel_server::{cli::ExitCode, storage::journals::JournalStore as _};

use crate::replay::{Shelf, replay, says};

#[tokio::test]
async fn a_counter_that_a_game_reads_is_found_in_the_journal_of_its_server() {
    let shelf = Shelf::new("bisect-of-a-server");
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
        assert!(server.shutdown().await, "nothing of it is left running");
        let kept = journals.list().expect("a list");
        assert_eq!(kept.len(), 1, "there was one room");
        let bytes = journals.read(kept[0].name).expect("the journal");
        let path = shelf.put("a.journal", &bytes);
        let parts =
            ["the game is not deterministic", "different states at tick 40;", "Needle.reading.counter"];
        says(replay(&["bisect", &path]), ExitCode::Internal, &parts);
    }
}
