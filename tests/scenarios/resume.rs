//! Session resume: a seat outlives its connection. It is held, returned with every message since the last acknowledged one, or
//! freed after its hold time.

use quarrel_client::ClientEvent;
use quarrel_harness::{
    Player, RawPeer, TestServer,
    games::{Lever, Levers, Shout},
    raw::RawWelcome,
    until,
};
use quarrel_shared::{
    crowd::Crowd,
    game::Game,
    id::{RoomId, SeatId},
    protocol::{ClientMessage, CloseReason, JoinTarget, ServerMessage, Ticket, bounded::Text},
};

/// Timeouts that detect a lost peer soon.
const SHORT_TIMEOUTS: &[(&str, &str)] = &[("net.idle_timeout_ms", "1000"), ("net.keep_alive_ms", "200")];

fn server<G: Game>(settings: &[(&'static str, &'static str)]) -> TestServer<G> {
    TestServer::start(&[SHORT_TIMEOUTS, settings].concat())
}

/// A peer on a seat, its welcome with the ticket, and the seat's place.
async fn seated<G: Game>(server: &TestServer<G>, name: &str) -> (RawPeer, RawWelcome, (RoomId, SeatId)) {
    let (mut peer, welcomed) = RawPeer::connect_new::<G>(server.address(), name).await;
    peer.send(&ClientMessage::Join(JoinTarget::Quick)).await;
    let place = peer.receive_joined().await;
    (peer, welcomed, place)
}

async fn is_held<G: Game>(server: &TestServer<G>) {
    until("a held seat", || server.metric("quarrel_seats_held") == 1.0).await;
}

/// Seats a player and loses the connection; returns the ticket and the held seat.
async fn lost<G: Game>(server: &TestServer<G>) -> (Ticket, SeatId) {
    let (peer, welcomed, (_, seat)) = seated(server, "Ada").await;
    peer.cut_network();
    is_held(server).await;
    (welcomed.ticket, seat)
}

fn is_chat(message: &ServerMessage, line: &str) -> bool {
    matches!(message, ServerMessage::Chat { text, .. } if &**text == line)
}

/// Produces events: shouts until its own shout arrives, then stops.
async fn shouts(player: &mut Player<Levers>) {
    player.set_input(Lever::Shout);
    let shout = |event| matches!(event, ClientEvent::Event { event: Shout(_), .. }).then_some(());
    player.wait_for("a shout", shout).await;
    player.set_input(Lever::None);
    player.wait_for_ticks(30).await;
}

#[tokio::test]
async fn a_held_seat_is_returned_with_every_message_since_the_last_acknowledged_one() {
    let server = server::<Levers>(&[]);
    let (mut ada, welcomed, place) = seated(&server, "Ada").await;
    assert_eq!((welcomed.hold_ms, welcomed.resumed), (30_000, false), "a welcome must carry the hold time");
    let (mut ben, _) = Player::<Levers>::connect_and_join(server.address(), "Ben").await;
    ben.chat("one").await.expect("Ben is connected");
    let received = ada.receive_all_until(|message| is_chat(message, "one")).await.len() as u32;
    ada.cut_network();
    is_held(&server).await;

    ben.chat("two").await.expect("Ben is connected");
    shouts(&mut ben).await;
    let (carl, carls) = Player::<Levers>::connect_and_join(server.address(), "Carl").await;
    ben.chat("three").await.expect("Ben is connected");
    ben.wait_for_ticks(2).await;

    let (mut ada, again) = RawPeer::resume::<Levers>(server.address(), &welcomed.ticket, received - 1).await;
    assert!(again.resumed && again.player == welcomed.player, "{again:?}");
    assert_ne!(again.ticket, welcomed.ticket, "each welcome must carry a new ticket");
    assert_eq!(ada.receive_joined().await, place, "the place must be the same");
    let messages = ada.receive_all_until(|message| is_chat(message, "three")).await;
    assert!(is_chat(&messages[0], "one"), "an unacknowledged message must be sent again: {:?}", messages[0]);
    assert!(is_chat(&messages[1], "two"), "messages sent meanwhile must follow: {:?}", messages[1]);
    let events = messages.iter().filter_map(|message| match message {
        ServerMessage::Event { sequence, .. } => Some(*sequence),
        _ => None,
    });
    let events: Vec<_> = events.collect();
    let all: Vec<_> = (0..events.len() as u32).collect();
    assert!(!events.is_empty() && events == all, "every event must arrive once and in order: {events:?}");
    let joins = messages.iter().filter(|message| matches!(message, ServerMessage::SeatTaken { .. }));
    assert_eq!(joins.count(), 1, "the join during her absence must arrive once, on seat {:?}", carls.seat);

    ada.send(&ClientMessage::Chat(Text::lossy("back"))).await;
    let back = |event| match event {
        ClientEvent::SeatLeft { seat } if seat == place.1 => {
            panic!("a held seat must not be announced as left")
        }
        ClientEvent::Chat { seat, text } => (seat == place.1 && text == "back").then_some(()),
        _ => None,
    };
    ben.wait_for("Ada's chat line", back).await;
    shouts(&mut ben).await;
    let next = ada.receive_all_until(|message| matches!(message, ServerMessage::Event { .. })).await;
    let next = next.last().cloned().expect("an event");
    let count = events.len() as u32;
    assert!(
        matches!(next, ServerMessage::Event { sequence, .. } if sequence == count),
        "event numbers must continue: {next:?}"
    );
    assert_eq!(server.metric("quarrel_resumes_total{result=\"resumed\"}"), 1.0, "a resume must be counted");
    assert_eq!(server.metric("quarrel_seats_held"), 0.0);
    carl.disconnect().await;
}

#[tokio::test]
async fn acknowledged_messages_are_not_kept() {
    let server = server::<Levers>(&[]);
    let (mut ada, welcomed, _) = seated(&server, "Ada").await;
    let (ben, _) = Player::<Levers>::connect_and_join(server.address(), "Ben").await;
    ben.chat("one").await.expect("Ben is connected");
    let received = ada.receive_all_until(|message| is_chat(message, "one")).await.len() as u32;
    ada.send(&ClientMessage::Ack(received)).await;
    ada.send(&ClientMessage::ListRooms).await;
    ada.receive_all_until(|message| matches!(message, ServerMessage::Rooms(_))).await;
    ada.cut_network();
    is_held(&server).await;
    let (_, again) = RawPeer::resume::<Levers>(server.address(), &welcomed.ticket, received - 1).await;
    assert!(!again.resumed, "a resume with a gap in its messages must lead to the lobby");
    assert_eq!(again.player, welcomed.player);
}

#[tokio::test]
async fn an_acknowledgement_of_messages_never_sent_is_malformed() {
    let server = server::<Levers>(&[]);
    let (mut ada, _, _) = seated(&server, "Ada").await;
    ada.send(&ClientMessage::Ack(1000)).await;
    assert_eq!(
        ada.wait_for_close().await.code,
        Some(CloseReason::Malformed),
        "a false acknowledgement on a seat must be malformed"
    );
    let (ticket, _) = lost(&server).await;
    let close = RawPeer::resume_refused::<Levers>(server.address(), &ticket, 1000).await;
    assert_eq!(
        close.code,
        Some(CloseReason::Malformed),
        "a false acknowledgement in a resume must be malformed"
    );
}

#[tokio::test]
async fn the_seat_of_a_player_who_leaves_is_not_held() {
    let server = server::<Levers>(&[]);
    let (ada, welcomed, _) = seated(&server, "Ada").await;
    drop(ada);
    until("an empty server", || server.metric("quarrel_sessions") == 0.0).await;
    assert_eq!(server.metric("quarrel_seats_held"), 0.0);
    let close = RawPeer::resume_refused::<Levers>(server.address(), &welcomed.ticket, 0).await;
    assert_eq!(close.code, Some(CloseReason::TicketExpired));
}

#[tokio::test]
async fn a_held_seat_is_freed_after_its_hold_time_and_taken_by_a_bot() {
    let settings = [("session.hold_ms", "500"), ("room.seats", "2"), ("room.bots", "1"), ("room.rooms", "1")];
    let server = server::<Crowd>(&settings);
    let (mut ben, _) = Player::<Crowd>::connect_and_join(server.address(), "Ben").await;
    let (ticket, adas) = lost(&server).await;
    assert_eq!(server.metric("quarrel_bots"), 0.0, "a held seat must not be given to a bot");
    let freed = |event| matches!(event, ClientEvent::SeatLeft { seat } if seat == adas).then_some(());
    ben.wait_for("the end of Ada's seat", freed).await;
    let taken =
        |event| matches!(event, ClientEvent::SeatTaken { seat, bot: true, .. } if seat == adas).then_some(());
    ben.wait_for("a bot on her seat", taken).await;
    let close = RawPeer::resume_refused::<Crowd>(server.address(), &ticket, 0).await;
    assert_eq!(close.code, Some(CloseReason::TicketExpired));
    assert_eq!(server.metric("quarrel_resumes_total{result=\"expired\"}"), 1.0);
}

/// Returns true if the walker of a held seat is steered within five seconds.
async fn steers(held: &'static str) -> bool {
    let server = server::<Crowd>(&[("session.held", held), ("room.bots", "0")]);
    let (mut ben, _) = Player::<Crowd>::connect_and_join(server.address(), "Ben").await;
    let (_, adas) = lost(&server).await;
    let first = ben.wait_for_view("a view", |_| true).await.tick;
    let mut is_steered = false;
    ben.wait_for_view("five seconds", |view| {
        let mut walkers = view.entities.iter().map(|(_, walker)| walker);
        let walker = walkers.find(|walker| walker.seat == adas).expect("the held seat's walker");
        is_steered |= walker.bend != 0;
        is_steered || view.tick.since(first) > 150
    })
    .await;
    is_steered
}

#[tokio::test]
async fn the_setting_idle_leaves_a_held_seat_idle() {
    assert!(!steers("idle").await, "an idle held seat must not be steered");
}

#[tokio::test]
async fn the_setting_bot_lets_a_bot_play_a_held_seat() {
    assert!(steers("bot").await, "a bot must steer the held seat");
}

#[tokio::test]
async fn a_player_in_the_lobby_resumes_with_the_same_player_id() {
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
async fn a_player_whose_room_failed_meanwhile_is_notified() {
    let server = server::<Levers>(&[]);
    let (ben, _) = Player::<Levers>::connect_and_join(server.address(), "Ben").await;
    let (ticket, _) = lost(&server).await;
    ben.set_input(Lever::Panic);
    until("the room's end", || server.metric("quarrel_rooms") == 0.0).await;
    let (mut ada, again) = RawPeer::resume::<Levers>(server.address(), &ticket, 0).await;
    assert!(again.resumed, "the messages of the seat must be delivered");
    ada.receive_joined().await;
    let messages = ada.receive_all_until(|message| matches!(message, ServerMessage::RoomClosed { .. })).await;
    let Some(ServerMessage::RoomClosed { reason, .. }) = messages.last() else {
        panic!("the end of the room must be delivered")
    };
    assert_eq!(*reason, CloseReason::RoomFailed);
}

#[tokio::test]
async fn a_player_who_missed_more_messages_than_the_limit_resumes_in_the_lobby() {
    let server = server::<Levers>(&[]);
    let (mut ben, _) = Player::<Levers>::connect_and_join(server.address(), "Ben").await;
    let (ticket, adas) = lost(&server).await;
    ben.set_input(Lever::Shout);
    let freed = |event| matches!(event, ClientEvent::SeatLeft { seat } if seat == adas).then_some(());
    ben.wait_for("Ada's seat", freed).await;
    let (mut ada, again) = RawPeer::resume::<Levers>(server.address(), &ticket, 0).await;
    assert!(!again.resumed, "a resume with a gap in its messages must lead to the lobby");
    ada.send(&ClientMessage::Join(JoinTarget::Quick)).await;
    ada.receive_joined().await;
}

#[tokio::test]
async fn a_server_that_stops_does_not_wait_for_held_seats() {
    let server = server::<Levers>(&[("session.hold_ms", "600000")]);
    lost(&server).await;
    assert!(server.shutdown().await, "held seats must not delay a stop");
}

#[tokio::test]
async fn a_room_ends_after_its_last_held_seat() {
    let server = server::<Levers>(&[("session.hold_ms", "500"), ("room.linger_ms", "1000")]);
    lost(&server).await;
    assert_eq!(server.metric("quarrel_rooms"), 1.0, "a room with a held seat must stay open");
    until("the room's end", || server.metric("quarrel_rooms") == 0.0).await;
}
