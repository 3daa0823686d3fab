//! A seat outlives its connection: it is held, given back with every message since the last one heard, or goes free in time.

use quarrel_client::ClientEvent;
use quarrel_harness::{
    Player, RawPeer, TestServer,
    games::{Lever, Levers, Shout},
    raw::Welcome,
    until,
};
use quarrel_shared::{
    crowd::Crowd,
    game::Game,
    id::{RoomId, SeatId},
    protocol::{ClientMessage, CloseReason, JoinTarget, ServerMessage, Ticket, bounded::Text},
};

/// A server sees soon that a peer is gone.
const SOON: &[(&str, &str)] = &[("net.idle_timeout_ms", "1000"), ("net.keep_alive_ms", "200")];

fn server<G: Game>(settings: &[(&'static str, &'static str)]) -> TestServer<G> {
    TestServer::start(&[SOON, settings].concat())
}

/// Somebody on a seat, and what brings them back to it.
async fn seated<G: Game>(server: &TestServer<G>, name: &str) -> (RawPeer, Welcome, (RoomId, SeatId)) {
    let (mut peer, welcomed) = RawPeer::connect_new::<G>(server.address(), name).await;
    peer.send(&ClientMessage::Join(JoinTarget::Quick)).await;
    let place = peer.receive_joined().await;
    (peer, welcomed, place)
}

async fn is_held<G: Game>(server: &TestServer<G>) {
    until("a held seat", || server.metric("quarrel_seats_held") == 1.0).await;
}

/// Somebody sat down and their connection was lost.
async fn lost<G: Game>(server: &TestServer<G>) -> (Ticket, SeatId) {
    let (peer, welcomed, (_, seat)) = seated(server, "Ada").await;
    peer.cut_network();
    is_held(server).await;
    (welcomed.ticket, seat)
}

fn says(message: &ServerMessage, line: &str) -> bool {
    matches!(message, ServerMessage::Chat { text, .. } if &**text == line)
}

/// Hears its own shout, so that there are some, and then no more are given.
async fn shouts(player: &mut Player<Levers>) {
    player.set_input(Lever::Shout);
    let shout = |event| matches!(event, ClientEvent::Event { event: Shout(_), .. }).then_some(());
    player.wait_for("a shout", shout).await;
    player.set_input(Lever::None);
    player.wait_for_ticks(30).await;
}

#[tokio::test]
async fn a_seat_is_held_and_given_back_with_everything_since_the_last_that_was_heard() {
    let server = server::<Levers>(&[]);
    let (mut ada, welcomed, place) = seated(&server, "Ada").await;
    assert_eq!((welcomed.hold_ms, welcomed.resumed), (30_000, false), "she is told for how long");
    let (mut ben, _) = Player::<Levers>::connect_and_join(server.address(), "Ben").await;
    ben.chat("one").await.expect("Ben is connected");
    let heard = ada.receive_all_until(|message| says(message, "one")).await.len() as u32;
    ada.cut_network();
    is_held(&server).await;

    ben.chat("two").await.expect("Ben is connected");
    shouts(&mut ben).await;
    let (carl, carls) = Player::<Levers>::connect_and_join(server.address(), "Carl").await;
    ben.chat("three").await.expect("Ben is connected");
    ben.wait_for_ticks(2).await;

    let (mut ada, again) = RawPeer::resume::<Levers>(server.address(), &welcomed.ticket, heard - 1).await;
    assert!(again.resumed && again.player == welcomed.player, "{again:?}");
    assert_ne!(again.ticket, welcomed.ticket, "each welcome brings a new ticket");
    assert_eq!(ada.receive_joined().await, place, "the same seat in the same room");
    let news = ada.receive_all_until(|message| says(message, "three")).await;
    assert!(says(&news[0], "one"), "what she had not heard is said again: {:?}", news[0]);
    assert!(says(&news[1], "two"), "and what was said meanwhile follows: {:?}", news[1]);
    let events = news.iter().filter_map(|message| match message {
        ServerMessage::Event { sequence, .. } => Some(*sequence),
        _ => None,
    });
    let events: Vec<_> = events.collect();
    let all: Vec<_> = (0..events.len() as u32).collect();
    assert!(!events.is_empty() && events == all, "every event once and in order: {events:?}");
    let came = news.iter().filter(|message| matches!(message, ServerMessage::SeatTaken { .. }));
    assert_eq!(came.count(), 1, "Carl came while she was away, to {:?}", carls.seat);

    ada.send(&ClientMessage::Chat(Text::lossy("back"))).await;
    let back = |event| match event {
        ClientEvent::SeatLeft { seat } if seat == place.1 => panic!("nobody saw her go"),
        ClientEvent::Chat { seat, text } => (seat == place.1 && text == "back").then_some(()),
        _ => None,
    };
    ben.wait_for("Ada's voice", back).await;
    shouts(&mut ben).await;
    let next = ada.receive_all_until(|message| matches!(message, ServerMessage::Event { .. })).await;
    let next = next.last().cloned().expect("an event");
    let count = events.len() as u32;
    assert!(
        matches!(next, ServerMessage::Event { sequence, .. } if sequence == count),
        "numbers go on: {next:?}"
    );
    assert_eq!(server.metric("quarrel_resumes_total{result=\"resumed\"}"), 1.0, "it is counted");
    assert_eq!(server.metric("quarrel_seats_held"), 0.0);
    carl.disconnect().await;
}

#[tokio::test]
async fn what_was_heard_is_not_kept() {
    let server = server::<Levers>(&[]);
    let (mut ada, welcomed, _) = seated(&server, "Ada").await;
    let (ben, _) = Player::<Levers>::connect_and_join(server.address(), "Ben").await;
    ben.chat("one").await.expect("Ben is connected");
    let heard = ada.receive_all_until(|message| says(message, "one")).await.len() as u32;
    ada.send(&ClientMessage::Ack(heard)).await;
    ada.send(&ClientMessage::ListRooms).await;
    ada.receive_all_until(|message| matches!(message, ServerMessage::Rooms(_))).await;
    ada.cut_network();
    is_held(&server).await;
    let (_, again) = RawPeer::resume::<Levers>(server.address(), &welcomed.ticket, heard - 1).await;
    assert!(!again.resumed, "a story with a gap is none, and she is in the lobby");
    assert_eq!(again.player, welcomed.player);
}

#[tokio::test]
async fn a_client_that_has_heard_more_than_was_said_has_lost_count() {
    let server = server::<Levers>(&[]);
    let (mut ada, _, _) = seated(&server, "Ada").await;
    ada.send(&ClientMessage::Ack(1000)).await;
    assert_eq!(ada.wait_for_close().await.code, Some(CloseReason::Malformed), "on its seat");
    let (ticket, _) = lost(&server).await;
    let goodbye = RawPeer::resume_refused::<Levers>(server.address(), &ticket, 1000).await;
    assert_eq!(goodbye.code, Some(CloseReason::Malformed), "and on its way back");
}

#[tokio::test]
async fn a_player_who_leaves_is_not_held() {
    let server = server::<Levers>(&[]);
    let (ada, welcomed, _) = seated(&server, "Ada").await;
    drop(ada);
    until("nobody there", || server.metric("quarrel_sessions") == 0.0).await;
    assert_eq!(server.metric("quarrel_seats_held"), 0.0);
    let goodbye = RawPeer::resume_refused::<Levers>(server.address(), &welcomed.ticket, 0).await;
    assert_eq!(goodbye.code, Some(CloseReason::TicketExpired));
}

#[tokio::test]
async fn a_held_seat_goes_free_after_its_time_and_a_bot_takes_it() {
    let settings = [("session.hold_ms", "500"), ("room.seats", "2"), ("room.bots", "1"), ("room.rooms", "1")];
    let server = server::<Crowd>(&settings);
    let (mut ben, _) = Player::<Crowd>::connect_and_join(server.address(), "Ben").await;
    let (ticket, adas) = lost(&server).await;
    assert_eq!(server.metric("quarrel_bots"), 0.0, "people have both seats, though one is away");
    let freed = |event| matches!(event, ClientEvent::SeatLeft { seat } if seat == adas).then_some(());
    ben.wait_for("Ada's going", freed).await;
    let taken =
        |event| matches!(event, ClientEvent::SeatTaken { seat, bot: true, .. } if seat == adas).then_some(());
    ben.wait_for("a bot in her place", taken).await;
    let goodbye = RawPeer::resume_refused::<Crowd>(server.address(), &ticket, 0).await;
    assert_eq!(goodbye.code, Some(CloseReason::TicketExpired));
    assert_eq!(server.metric("quarrel_resumes_total{result=\"expired\"}"), 1.0);
}

/// Sees whether anybody steers the walker of a held seat for a while.
async fn steers(held: &'static str) -> bool {
    let server = server::<Crowd>(&[("session.held", held), ("room.bots", "0")]);
    let (mut ben, _) = Player::<Crowd>::connect_and_join(server.address(), "Ben").await;
    let (_, adas) = lost(&server).await;
    let first = ben.wait_for_view("a view", |_| true).await.tick;
    let mut is_steered = false;
    ben.wait_for_view("five seconds", |view| {
        let mut walkers = view.entities.iter().map(|(_, walker)| walker);
        let walker = walkers.find(|walker| walker.seat == adas).expect("her walker stays");
        is_steered |= walker.bend != 0;
        is_steered || view.tick.since(first) > 150
    })
    .await;
    is_steered
}

#[tokio::test]
async fn a_held_seat_keeps_its_fighter_standing() {
    assert!(!steers("idle").await, "nobody plays for whoever is away");
}

#[tokio::test]
async fn a_bot_plays_the_fighter_of_a_held_seat_if_the_operator_likes() {
    assert!(steers("bot").await, "a bot plays for whoever is away");
}

#[tokio::test]
async fn a_player_in_the_lobby_comes_back_as_themselves() {
    let server = server::<Levers>(&[]);
    let (ada, welcomed) = RawPeer::connect_new::<Levers>(server.address(), "Ada").await;
    ada.cut_network();
    until("the loss", || server.metric("quarrel_sessions") == 0.0).await;
    let (mut ada, again) = RawPeer::resume::<Levers>(server.address(), &welcomed.ticket, 0).await;
    assert_eq!((again.player, again.resumed), (welcomed.player, false));
    ada.send(&ClientMessage::Join(JoinTarget::Quick)).await;
    ada.receive_joined().await;
}

#[tokio::test]
async fn a_player_whose_room_failed_meanwhile_hears_of_it() {
    let server = server::<Levers>(&[]);
    let (ben, _) = Player::<Levers>::connect_and_join(server.address(), "Ben").await;
    let (ticket, _) = lost(&server).await;
    ben.set_input(Lever::Panic);
    until("the room's end", || server.metric("quarrel_rooms") == 0.0).await;
    let (mut ada, again) = RawPeer::resume::<Levers>(server.address(), &ticket, 0).await;
    assert!(again.resumed, "all that was said on the seat is hers");
    ada.receive_joined().await;
    let news = ada.receive_all_until(|message| matches!(message, ServerMessage::RoomClosed { .. })).await;
    let Some(ServerMessage::RoomClosed { reason, .. }) = news.last() else { panic!("and the end") };
    assert_eq!(*reason, CloseReason::RoomFailed);
}

#[tokio::test]
async fn a_player_who_missed_more_than_is_kept_for_anybody_comes_back_to_the_lobby() {
    let server = server::<Levers>(&[]);
    let (mut ben, _) = Player::<Levers>::connect_and_join(server.address(), "Ben").await;
    let (ticket, adas) = lost(&server).await;
    ben.set_input(Lever::Shout);
    let freed = |event| matches!(event, ClientEvent::SeatLeft { seat } if seat == adas).then_some(());
    ben.wait_for("Ada's seat", freed).await;
    let (mut ada, again) = RawPeer::resume::<Levers>(server.address(), &ticket, 0).await;
    assert!(!again.resumed, "her story has a gap");
    ada.send(&ClientMessage::Join(JoinTarget::Quick)).await;
    ada.receive_joined().await;
}

#[tokio::test]
async fn a_server_that_stops_does_not_wait_for_held_seats() {
    let server = server::<Levers>(&[("session.hold_ms", "600000")]);
    lost(&server).await;
    assert!(server.shutdown().await, "nobody who is away holds up a stop");
}

#[tokio::test]
async fn a_room_does_not_outlive_the_last_seat_that_is_held_in_it() {
    let server = server::<Levers>(&[("session.hold_ms", "500"), ("room.linger_ms", "1000")]);
    lost(&server).await;
    assert_eq!(server.metric("quarrel_rooms"), 1.0, "it waits for her");
    until("the room's end", || server.metric("quarrel_rooms") == 0.0).await;
}
