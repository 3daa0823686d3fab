//! Inputs enter a room in canonical form, so that live play and its replay step with the same values.

use quarrel_harness::{
    Player, TestServer,
    games::{Fickle, Push},
};

/// At its end, every scenario replays its journals: with the bots' own inputs, the states would differ.
#[tokio::test]
async fn a_bot_whose_input_exceeds_the_encoding_plays_as_its_replay_does() {
    let settings = [("room.bots", "2"), ("room.bot_skill", "strong"), ("journal.checksum_ms", "1")];
    let server = TestServer::<Fickle>::start(&settings);
    let (mut ada, joined) = Player::<Fickle>::connect_and_join(server.address(), "Ada").await;
    ada.set_input(Push(3));
    let view = ada.wait_for_view("two seconds of play", |view| view.tick.0 > 60).await;
    let swings: Vec<_> = view
        .entities
        .iter()
        .filter(|(_, needle)| needle.seat.is_some_and(|seat| seat != joined.seat))
        .collect();
    assert!(!swings.is_empty(), "bots must play: {view:?}");
    for (_, needle) in swings {
        let swing = needle.reading.swing;
        assert!(
            swing > 0 && swing.is_multiple_of(15),
            "a push of 200 must count as the encoded 15: {needle:?}"
        );
    }
    drop(ada);
    assert!(server.shutdown().await, "a server must stop in time");
}
