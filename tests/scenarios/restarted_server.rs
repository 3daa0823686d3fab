//! A server dies and another one takes its port: whose seat was brought back is soon on it again, and knows what did not happen.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use quarrel_client::{Happening, Joined};
use quarrel_harness::{
    MortalServer, Player,
    games::{Lever, Levers, Shout},
    mortal::Returner,
};
use quarrel_shared::{
    id::PlayerId,
    protocol::{CloseReason, TicketNumber},
    tick::Tick,
};

/// Back in so much time from when the server listens again. Mostly it takes a tenth of that.
const SOON: Duration = Duration::from_secs(1);

/// For how long there is no server. Longer than one attempt takes, so that the first ones are in vain.
const DOWN: Duration = Duration::from_millis(1300);

/// The first player of the first run, as a journal that was flushed in time remembers them.
const ADA: Returner = (PlayerId(1), TicketNumber { run: 1, count: 0 });

fn first() -> MortalServer {
    MortalServer::start::<Levers>(SocketAddr::from(([127, 0, 0, 1], 0)), 1, &[])
}

/// Ada, with some ticks of play behind her; and the newest that she saw.
async fn plays(server: &MortalServer) -> (Player<Levers>, Joined, Tick) {
    let (mut ada, joined) = Player::<Levers>::sit(server.address(), "Ada").await;
    ada.plays_on(45).await;
    let seen = ada.view().expect("she has seen the room").tick;
    (ada, joined, seen)
}

async fn is_cut_off(ada: &mut Player<Levers>) {
    let interrupted = |happening| matches!(happening, Happening::Interrupted).then_some(());
    ada.wait_for("the end of the connection", interrupted).await;
}

/// She is on her seat again, at an earlier tick, and all goes on.
async fn is_back(ada: &mut Player<Levers>, before: &Joined, seen: Tick) {
    let resumed = |happening| if let Happening::Resumed(joined) = happening { Some(joined) } else { None };
    let joined = ada.wait_for("her seat", resumed).await;
    assert_eq!((joined.room, joined.seat), (before.room, before.seat), "the same seat");
    let restored = joined.restored.expect("it says that the room was brought back");
    assert!(restored <= joined.tick && restored < seen, "{restored} is before what she saw, {seen}");
    goes_on(ada, &joined, seen).await;
}

async fn goes_on(ada: &mut Player<Levers>, joined: &Joined, seen: Tick) {
    let taken = |happening| if let Happening::SeatTaken { seat, .. } = happening { Some(seat) } else { None };
    assert_eq!(ada.wait_for("the roster", taken).await, joined.seat, "she is told who sits there, anew");
    ada.set_input(Lever::Shout);
    let shout = |happening| match happening {
        Happening::Event { tick, event } => Some((tick, event)),
        _ => None,
    };
    let (tick, first) = ada.wait_for("her own voice", shout).await;
    assert_eq!(first, Shout(0), "events are told from the first on");
    assert!(tick < seen, "they are of ticks that she saw before: {tick}");
}

#[tokio::test]
async fn a_server_that_was_killed_and_starts_again_has_its_players_back_at_once() {
    let server = first();
    let (mut ada, joined, seen) = plays(&server).await;
    let address = server.address();
    server.kill();
    let _next = MortalServer::start::<Levers>(address, 2, &[ADA]);
    let listening = Instant::now();
    is_cut_off(&mut ada).await;
    let noticed = listening.elapsed();
    is_back(&mut ada, &joined, seen).await;
    let took = listening.elapsed();
    println!("noticed after {noticed:?}, back after {took:?}");
    assert!(took < SOON, "the first packet to the new server shows that the old one is gone: {took:?}");
}

#[tokio::test]
async fn a_player_who_was_told_of_a_restart_is_there_when_it_is_over() {
    let server = first();
    let (mut ada, joined, seen) = plays(&server).await;
    let address = server.address();
    tokio::task::spawn_blocking(|| server.restart()).await.expect("a server that stops");
    is_cut_off(&mut ada).await;
    // Not a wait for anything: this is how long it is away.
    tokio::time::sleep(DOWN).await;
    let _next = MortalServer::start::<Levers>(address, 2, &[ADA]);
    let listening = Instant::now();
    is_back(&mut ada, &joined, seen).await;
    let took = listening.elapsed();
    println!("back after {took:?}");
    assert!(took < SOON, "it knocks at all times: {took:?}");
}

#[tokio::test]
async fn a_player_whose_seat_was_not_brought_back_is_told_so() {
    let server = first();
    let (mut ada, _, _) = plays(&server).await;
    let address = server.address();
    server.kill();
    let _next = MortalServer::start::<Levers>(address, 2, &[]);
    assert_eq!(ada.ending().await.name(), CloseReason::TicketExpired.name());
}

#[tokio::test]
async fn a_second_death_before_the_journal_knew_of_the_return_costs_nobody_a_seat() {
    let server = first();
    let (mut ada, joined, seen) = plays(&server).await;
    let address = server.address();
    server.kill();
    let second = MortalServer::start::<Levers>(address, 2, &[ADA]);
    is_back(&mut ada, &joined, seen).await;
    ada.plays_on(45).await;
    let seen = ada.view().expect("she has seen the room").tick;
    second.kill();
    // Her ticket is the second run's, and all that is known is the first's.
    let _third = MortalServer::start::<Levers>(address, 3, &[ADA]);
    is_back(&mut ada, &joined, seen).await;
}
