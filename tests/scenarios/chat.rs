//! Chat reaches every player in the room, and a flood of it does not disconnect them.

use quarrel_client::ClientEvent;
use quarrel_harness::{Player, RawSeat, TestServer, until};
use quarrel_shared::{
    crowd::Crowd,
    protocol::{ClientMessage, bounded::Text},
};

/// Enough senders, each at its full burst, to overflow an event queue.
const SENDERS: usize = 16;

/// The burst of the budget for control messages.
const LINES: usize = 36;

#[tokio::test]
async fn a_chat_line_reaches_the_other_players_of_the_room() {
    let server = TestServer::<Crowd>::start(&[]);
    let (ada, joined) = Player::<Crowd>::connect_and_join(server.address(), "Ada").await;
    let (mut ben, _) = Player::<Crowd>::connect_and_join(server.address(), "Ben").await;
    ada.chat("well met").await.expect("Ada is connected");
    let received = ben.wait_for("a line", |event| match event {
        ClientEvent::Chat { seat, text } => Some((seat, text)),
        _ => None,
    });
    assert_eq!(received.await, (joined.seat, "well met".to_owned()));
}

#[tokio::test]
async fn a_flood_of_chat_costs_no_player_a_seat() {
    let server = TestServer::<Crowd>::start(&[("room.seats", "64")]);
    let (mut ada, _) = Player::<Crowd>::connect_and_join(server.address(), "Ada").await;
    let mut flood = Vec::new();
    for n in 0..SENDERS {
        flood.push(RawSeat::<Crowd>::connect_and_join(server.address(), &format!("sender {n}")).await);
    }
    let line = ClientMessage::Chat(Text::lossy(&"blah ".repeat(40)));
    for _ in 0..LINES {
        for seat in &mut flood {
            seat.peer.send(&line).await;
        }
    }
    ada.wait_for_ticks(60).await;
    assert_eq!(server.metric("quarrel_players"), (SENDERS + 1) as f64, "every player must keep the seat");
}

#[tokio::test]
async fn with_chat_off_no_line_is_delivered_and_each_is_counted() {
    let server = TestServer::<Crowd>::start(&[("room.chat", "off")]);
    let (ada, _) = Player::<Crowd>::connect_and_join(server.address(), "Ada").await;
    ada.chat("well met").await.expect("Ada is connected");
    let dropped = "quarrel_chat_lines_dropped_total{reason=\"off\"}";
    until("a dropped line", || server.metric(dropped) == 1.0).await;
}
