//! Talk reaches everybody in the room, and no amount of it costs anybody a seat.

use quarrel_client::ClientEvent;
use quarrel_harness::{Player, RawSeat, TestServer};
use quarrel_shared::{
    crowd::Crowd,
    protocol::{ClientMessage, bounded::Text},
};

/// More chatterers, at their full burst, than an event queue has places.
const CHATTERERS: usize = 16;

/// As many lines as the budget of control messages allows at once.
const LINES: usize = 36;

#[tokio::test]
async fn what_one_says_everybody_in_the_room_hears() {
    let server = TestServer::<Crowd>::start(&[]);
    let (ada, joined) = Player::<Crowd>::connect_and_join(server.address(), "Ada").await;
    let (mut ben, _) = Player::<Crowd>::connect_and_join(server.address(), "Ben").await;
    ada.chat("well met").await.expect("Ada is connected");
    let heard = ben.wait_for("a line", |event| match event {
        ClientEvent::Chat { seat, text } => Some((seat, text)),
        _ => None,
    });
    assert_eq!(heard.await, (joined.seat, "well met".to_owned()));
}

#[tokio::test]
async fn a_storm_of_talk_costs_nobody_a_seat() {
    let server = TestServer::<Crowd>::start(&[("room.seats", "64")]);
    let (mut ada, _) = Player::<Crowd>::connect_and_join(server.address(), "Ada").await;
    let mut storm = Vec::new();
    for n in 0..CHATTERERS {
        storm.push(RawSeat::<Crowd>::connect_and_join(server.address(), &format!("chatterer {n}")).await);
    }
    let line = ClientMessage::Chat(Text::lossy(&"blah ".repeat(40)));
    for _ in 0..LINES {
        for seat in &mut storm {
            seat.peer.send(&line).await;
        }
    }
    ada.wait_for_ticks(60).await;
    assert_eq!(server.metric("quarrel_players"), (CHATTERERS + 1) as f64, "everybody still sits");
}
