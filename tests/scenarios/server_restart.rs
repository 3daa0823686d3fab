//! Server restarts: players return to their seats within a second of the next server's start, and learn the tick that the room
//! was restored to.

use std::time::{Duration, Instant};

use quarrel_client::{ClientEvent, Joined};
use quarrel_harness::{
    KillableServer, Player,
    games::{Lever, Levers, Shout},
    killable_server::{PersistedState, lost_play_ms, wait_for_interruption, wait_for_resume},
};
use quarrel_shared::tick::Tick;

/// The longest time from the next server's start to play. Usually it takes a tenth of that.
const MAX_RETURN: Duration = Duration::from_secs(1);

/// The time without a server. Longer than one attempt to connect, so that the first attempts fail.
const DOWN: Duration = Duration::from_millis(1300);

fn first() -> KillableServer {
    KillableServer::start::<Levers>(&[])
}

/// Seats Ada for some ticks of play; also returns the newest tick that she saw.
async fn plays(server: &KillableServer) -> (Player<Levers>, Joined, Tick) {
    let (mut ada, joined) = Player::<Levers>::connect_and_join(server.address(), "Ada").await;
    ada.wait_for_ticks(45).await;
    let seen = ada.view().expect("she has seen the room").tick;
    (ada, joined, seen)
}

async fn restart(server: KillableServer) -> PersistedState {
    tokio::task::spawn_blocking(|| server.restart()).await.expect("a server that stops")
}

/// Asserts that play continues: the roster is sent again, and events start from the first.
async fn assert_play_continues(ada: &mut Player<Levers>, joined: &Joined) {
    let taken = |event| if let ClientEvent::SeatTaken { seat, .. } = event { Some(seat) } else { None };
    assert_eq!(ada.wait_for("the roster", taken).await, joined.seat, "the roster must be sent again");
    ada.set_input(Lever::Shout);
    let shout = |event| match event {
        ClientEvent::Event { tick, event } => Some((tick, event)),
        _ => None,
    };
    let (tick, first) = ada.wait_for("her own shout", shout).await;
    assert_eq!(first, Shout(0), "events must start from the first");
    assert!(Some(tick) > joined.restored, "events must be later than the restored tick: {tick}");
}

#[tokio::test]
async fn players_of_a_killed_server_return_to_the_next_one_within_a_second() {
    let server = first();
    let (mut ada, before, seen) = plays(&server).await;
    let _next = server.kill().start::<Levers>(&[]);
    let listening = Instant::now();
    wait_for_interruption(&mut ada).await;
    let noticed = listening.elapsed();
    let joined = wait_for_resume(&mut ada, &before).await;
    assert_play_continues(&mut ada, &joined).await;
    let took = listening.elapsed();
    let lost = lost_play_ms(&joined, seen);
    println!("noticed after {noticed:?}, returned after {took:?}, {lost} ms lost");
    assert!(took < MAX_RETURN, "the answer to the first packet must reveal the restart, took {took:?}");
    assert!(lost <= 500, "a crash may cost at most 500 ms of play, lost {lost}");
}

#[tokio::test]
async fn a_planned_restart_loses_no_tick_and_players_return_within_a_second() {
    let server = first();
    let (mut ada, before, _) = plays(&server).await;
    let persisted = restart(server).await;
    wait_for_interruption(&mut ada).await;
    let seen = ada.view().expect("she has seen the room").tick;
    // The downtime under test, not a wait for a condition.
    tokio::time::sleep(DOWN).await;
    let _next = persisted.start::<Levers>(&[]);
    let listening = Instant::now();
    let joined = wait_for_resume(&mut ada, &before).await;
    assert!(
        joined.restored >= Some(seen),
        "a planned restart must not lose a tick: restored to {:?}, she saw {seen}",
        joined.restored
    );
    assert_play_continues(&mut ada, &joined).await;
    let took = listening.elapsed();
    println!("returned after {took:?}");
    assert!(took < MAX_RETURN, "a client must keep trying to connect, took {took:?}");
}

#[tokio::test]
async fn a_seat_is_held_over_a_restart_longer_than_its_hold_time() {
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
async fn a_second_kill_before_the_return_is_in_the_journal_costs_no_seat() {
    let server = first();
    let (mut ada, before, _) = plays(&server).await;
    let second = server.kill().start::<Levers>(&[]);
    wait_for_resume(&mut ada, &before).await;
    let seen = ada.wait_for_view("a view", |_| true).await.tick;
    // Her ticket is from the second run, while the journal may hold only that of the first.
    let _third = second.kill().start::<Levers>(&[]);
    let joined = wait_for_resume(&mut ada, &before).await;
    assert!(lost_play_ms(&joined, seen) <= 500);
}

#[tokio::test]
async fn a_second_kill_before_any_player_returns_costs_no_seat() {
    let server = first();
    let (mut ada, before, seen) = plays(&server).await;
    let second = server.kill().start::<Levers>(&[]);
    let _third = second.kill().start::<Levers>(&[]);
    let joined = wait_for_resume(&mut ada, &before).await;
    assert_play_continues(&mut ada, &joined).await;
    assert!(lost_play_ms(&joined, seen) <= 500);
}
