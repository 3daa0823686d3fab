//! Whoever sends more than anybody needs is closed, and nobody else notices.

use quarrel_harness::{Player, RawPeer, RawSeat, TestServer};
use quarrel_shared::{
    crowd::{Crowd, Steering},
    protocol::{ClientMessage, CloseReason, JoinTarget, bounded::Text},
};

/// More than any budget holds, and a bound on how long a test floods.
const FLOOD: usize = 10_000;

#[tokio::test]
async fn a_flood_of_datagrams_is_closed_and_another_player_keeps_its_snapshots() {
    let server = TestServer::<Crowd>::start(&[]);
    let (mut ada, _) = Player::<Crowd>::connect_and_join(server.address(), "Ada").await;
    let flood = RawSeat::<Crowd>::connect_and_join(server.address(), "flood").await;
    let first = ada.wait_for_view("a view", |_| true).await.tick;
    let flooding = tokio::spawn(async move {
        let datagram = flood.input_datagram(Steering::default(), None);
        let mut sent = 0;
        while sent < FLOOD && flood.peer.send_datagram_wait(&datagram).await {
            sent += 1;
        }
        flood.peer.wait_for_close().await
    });
    let mut views = 0u32;
    let last = ada.wait_for_view("two seconds of views", |view| {
        views += 1;
        view.tick.since(first) >= 60
    });
    let ticks = last.await.tick.since(first);
    let goodbye = flooding.await.expect("a flood ends");
    assert_eq!(goodbye.code, Some(CloseReason::RateLimited), "a flood is closed: {goodbye:?}");
    assert!(
        views * 4 >= ticks * 3,
        "{views} views in {ticks} ticks: a neighbour's flood costs nobody a view"
    );
}

#[tokio::test]
async fn few_large_datagrams_are_a_flood_too() {
    let server = TestServer::<Crowd>::start(&[]);
    // No seat, so nothing is read of them: their weight alone counts.
    let flood = RawPeer::connect_and_hello::<Crowd>(server.address(), "flood").await;
    let mut sent = 0;
    while sent < FLOOD && flood.send_datagram_wait(&[0; 1100]).await {
        sent += 1;
    }
    let goodbye = flood.wait_for_close().await;
    let (reason, sentence) = goodbye.closing.expect("a flood is told why it is closed");
    assert_eq!((reason, goodbye.code), (CloseReason::RateLimited, Some(CloseReason::RateLimited)));
    assert!(sentence.contains("slow it down"), "and what to do: {sentence}");
}

#[tokio::test]
async fn a_flood_of_messages_is_closed() {
    let server = TestServer::<Crowd>::start(&[]);
    let mut flood = RawPeer::connect_and_hello::<Crowd>(server.address(), "flood").await;
    for _ in 0..200 {
        flood.send(&ClientMessage::ListRooms).await;
    }
    assert_eq!(flood.wait_for_close().await.code, Some(CloseReason::RateLimited));
}

#[tokio::test]
async fn a_flood_of_chat_reaches_nobody_past_the_budget() {
    let server = TestServer::<Crowd>::start(&[]);
    let (mut ada, _) = Player::<Crowd>::connect_and_join(server.address(), "Ada").await;
    let mut flood = RawPeer::connect_and_hello::<Crowd>(server.address(), "flood").await;
    flood.send(&ClientMessage::Join(JoinTarget::Quick)).await;
    for _ in 0..500 {
        flood.send(&ClientMessage::Chat(Text::lossy("buy bolts"))).await;
    }
    assert_eq!(flood.wait_for_close().await.code, Some(CloseReason::RateLimited));
    ada.wait_for_ticks(5).await;
}
