//! Input floods: a peer that exceeds its rate limits is closed, and other players are not affected.

use quarrel_harness::{Player, RawPeer, RawSeat, TestServer};
use quarrel_shared::{
    crowd::{Crowd, Steering},
    protocol::{ClientMessage, CloseReason, JoinTarget, bounded::Text},
};

/// More than any rate limit allows, and a bound on the length of a test's flood.
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
    let close = flooding.await.expect("the end of the flood");
    assert_eq!(close.code, Some(CloseReason::RateLimited), "a flood must be closed: {close:?}");
    assert!(
        views * 4 >= ticks * 3,
        "a flood must not cost another player its views: {views} views in {ticks} ticks"
    );
}

#[tokio::test]
async fn large_datagrams_are_limited_by_their_bytes() {
    let server = TestServer::<Crowd>::start(&[]);
    // Without a seat datagrams are not decoded: only their size counts.
    let flood = RawPeer::connect_and_hello::<Crowd>(server.address(), "flood").await;
    let mut sent = 0;
    while sent < FLOOD && flood.send_datagram_wait(&[0; 1100]).await {
        sent += 1;
    }
    let close = flood.wait_for_close().await;
    let (reason, sentence) = close.closing.expect("a reason and a sentence");
    assert_eq!((reason, close.code), (CloseReason::RateLimited, Some(CloseReason::RateLimited)));
    assert!(sentence.contains("slow it down"), "the sentence must advise what to do: {sentence}");
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
async fn a_flood_of_chat_is_closed_and_others_play_on() {
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
