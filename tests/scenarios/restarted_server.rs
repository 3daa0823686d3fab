//! A server dies and another one takes its port: everybody is soon on their seat again, and knows what did not happen.

use std::time::{Duration, Instant};

use quarrel_client::{ClientEvent, Joined};
use quarrel_harness::{
    KillableServer, Player,
    games::{Lever, Levers, Shout},
    killable_server::{PersistedState, wait_for_resume, wait_for_interruption, lost_play_ms},
};
use quarrel_shared::tick::Tick;

/// Back in so much time from when the server listens again. Mostly it takes a tenth of that.
const SOON: Duration = Duration::from_secs(1);

/// For how long there is no server. Longer than one attempt takes, so that the first ones are in vain.
const DOWN: Duration = Duration::from_millis(1300);

fn first() -> KillableServer {
    KillableServer::start::<Levers>(&[])
}

/// Ada, with some ticks of play behind her; and the newest that she saw.
async fn plays(server: &KillableServer) -> (Player<Levers>, Joined, Tick) {
    let (mut ada, joined) = Player::<Levers>::connect_and_join(server.address(), "Ada").await;
    ada.wait_for_ticks(45).await;
    let seen = ada.view().expect("she has seen the room").tick;
    (ada, joined, seen)
}

async fn restart(server: KillableServer) -> PersistedState {
    tokio::task::spawn_blocking(|| server.restart()).await.expect("a server that stops")
}

/// All goes on: the roster is told anew, and events from the first on.
async fn goes_on(ada: &mut Player<Levers>, joined: &Joined) {
    let taken = |event| if let ClientEvent::SeatTaken { seat, .. } = event { Some(seat) } else { None };
    assert_eq!(ada.wait_for("the roster", taken).await, joined.seat, "she is told who sits there, anew");
    ada.set_input(Lever::Shout);
    let shout = |event| match event {
        ClientEvent::Event { tick, event } => Some((tick, event)),
        _ => None,
    };
    let (tick, first) = ada.wait_for("her own voice", shout).await;
    assert_eq!(first, Shout(0), "events are told from the first on");
    assert!(Some(tick) > joined.restored, "they are of ticks that came after: {tick}");
}

#[tokio::test]
async fn a_server_that_was_killed_and_starts_again_has_its_players_back_at_once() {
    let server = first();
    let (mut ada, before, seen) = plays(&server).await;
    let _next = server.kill().start::<Levers>(&[]);
    let listening = Instant::now();
    wait_for_interruption(&mut ada).await;
    let noticed = listening.elapsed();
    let joined = wait_for_resume(&mut ada, &before).await;
    goes_on(&mut ada, &joined).await;
    let took = listening.elapsed();
    let lost = lost_play_ms(&joined, seen);
    println!("noticed after {noticed:?}, back after {took:?}, {lost} ms lost");
    assert!(took < SOON, "the first packet to the new server shows that the old one is gone: {took:?}");
    assert!(lost <= 500, "{lost} ms are lost");
}

#[tokio::test]
async fn a_planned_restart_loses_nothing_and_has_its_players_back_when_it_is_over() {
    let server = first();
    let (mut ada, before, _) = plays(&server).await;
    let persisted = restart(server).await;
    wait_for_interruption(&mut ada).await;
    let seen = ada.view().expect("she has seen the room").tick;
    // Not a wait for anything: this is how long it is away.
    tokio::time::sleep(DOWN).await;
    let _next = persisted.start::<Levers>(&[]);
    let listening = Instant::now();
    let joined = wait_for_resume(&mut ada, &before).await;
    assert!(joined.restored >= Some(seen), "{:?} is before what she saw, {seen}", joined.restored);
    goes_on(&mut ada, &joined).await;
    let took = listening.elapsed();
    println!("back after {took:?}");
    assert!(took < SOON, "it knocks at all times: {took:?}");
}

#[tokio::test]
async fn a_seat_waits_for_as_long_as_a_restart_takes_however_short_seats_are_held_else() {
    let hold = [("session.hold_ms", "500")];
    let server = KillableServer::start::<Levers>(&hold);
    let (mut ada, before, _) = plays(&server).await;
    let persisted = restart(server).await;
    wait_for_interruption(&mut ada).await;
    tokio::time::sleep(DOWN).await;
    let _next = persisted.start::<Levers>(&hold);
    wait_for_resume(&mut ada, &before).await;
}

#[tokio::test]
async fn a_second_death_before_the_journal_knew_of_the_return_costs_nobody_a_seat() {
    let server = first();
    let (mut ada, before, _) = plays(&server).await;
    let second = server.kill().start::<Levers>(&[]);
    wait_for_resume(&mut ada, &before).await;
    let seen = ada.wait_for_view("a view", |_| true).await.tick;
    // Her ticket is the second run's, and all that may be known is the first's.
    let _third = second.kill().start::<Levers>(&[]);
    let joined = wait_for_resume(&mut ada, &before).await;
    assert!(lost_play_ms(&joined, seen) <= 500);
}

#[tokio::test]
async fn a_second_death_before_anybody_is_back_costs_nobody_a_seat() {
    let server = first();
    let (mut ada, before, seen) = plays(&server).await;
    let second = server.kill().start::<Levers>(&[]);
    let _third = second.kill().start::<Levers>(&[]);
    let joined = wait_for_resume(&mut ada, &before).await;
    goes_on(&mut ada, &joined).await;
    assert!(lost_play_ms(&joined, seen) <= 500);
}
