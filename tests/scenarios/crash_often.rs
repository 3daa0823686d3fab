//! A server that is killed again and again, at any moment: while it plays, while its players come back, before the first tick.

use std::time::Duration;

use quarrel_client::{ClientEvent, Joined};
use quarrel_harness::{
    KillableServer, Player,
    killable_server::{PersistedState, lost_play_ms},
    until, within,
};
use quarrel_server::storage::journals::{JournalName, JournalStore};
use quarrel_shared::{
    arena::Arena,
    game::{Game, GameRng},
    journal::{Annotation, Journal, Playback, PlaybackStep},
};
use tokio_util::sync::CancellationToken;

/// How often it is killed, unless `QUARREL_KILLS` says otherwise.
const KILLS: usize = 12;

/// How long a life lasts at most, in milliseconds.
const LIFE_MS: u32 = 900;

const ROOMS: u64 = 2;

const SETTINGS: &[(&str, &str)] = &[
    ("room.seats", "6"),
    ("room.bots", "4"),
    ("game.settings.score_to_win", "1"),
    ("game.settings.result_s", "1"),
];

fn kills() -> usize {
    std::env::var("QUARREL_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(KILLS)
}

/// Plays until it is enough, and sees that it is always on the same seat and that little is lost each time; how often it came back,
/// and the most that was lost, in milliseconds.
async fn play(mut player: Player<Arena>, before: Joined, enough: CancellationToken) -> (usize, u32) {
    let (mut returns, mut most, mut seen) = (0, 0, before.tick);
    while let Some(Some(event)) = enough.run_until_cancelled(player.next()).await {
        match event {
            ClientEvent::View(view) => seen = view.tick,
            ClientEvent::Resumed(joined) => {
                assert_eq!((joined.room, joined.seat), (before.room, before.seat), "the same seat");
                assert!(joined.restored.is_some(), "the room was brought back");
                most = most.max(lost_play_ms(&joined, seen));
                seen = joined.tick;
                returns += 1;
            }
            ClientEvent::Joined(_) | ClientEvent::RoomClosed { .. } | ClientEvent::Closed(_) => {
                panic!("it lost its seat: {event:?}");
            }
            _ => {}
        }
    }
    (returns, most)
}

/// At which ticks matches ended, by the whole journal played again.
fn ends(persisted: &PersistedState, name: JournalName) -> Vec<u32> {
    let bytes = persisted.journals.read(name).expect("the room's journal");
    let journal = Journal::open(&bytes).expect("a journal");
    assert_eq!((journal.tail(), journal.end()), (None, Some("server_stopping")), "{name}");
    let resumed =
        journal.annotations().filter(|note| matches!(note, Ok((_, Annotation::Resumed { .. })))).count();
    assert!(resumed <= kills());
    let mut playback = Playback::<Arena>::begin(&journal).expect("a game of this build");
    let (mut ends, mut was_over) = (Vec::new(), false);
    while let Some(played) = playback.advance().expect("a good journal") {
        assert!(matches!(played, PlaybackStep::Tick(_) | PlaybackStep::Checkpoint(_)), "{name}: {played:?}");
        let is_over = playback.game().outcome().is_some();
        if is_over && !was_over {
            ends.push(playback.tick().0);
        }
        was_over = is_over;
    }
    ends
}

#[tokio::test(flavor = "multi_thread")]
async fn crash_after_crash_costs_nobody_a_seat_or_a_result() {
    let mut server = KillableServer::start::<Arena>(SETTINGS);
    let (enough, mut players) = (CancellationToken::new(), Vec::new());
    for at in 0..8 {
        let (player, joined) = Player::<Arena>::connect_and_join(server.address(), &format!("player {at}")).await;
        players.push((player, joined));
    }
    // Two stay in each room, and bots have the other seats.
    for (player, _) in players.drain(2..6) {
        player.disconnect().await;
    }
    let play = |(player, joined)| tokio::spawn(play(player, joined, enough.clone()));
    let players: Vec<_> = players.into_iter().map(play).collect();
    until("two rooms", || server.metric("quarrel_rooms") == ROOMS as f64).await;
    // Longer than rooms and storage gather: whoever sat down is in the journals.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let mut rng = GameRng::new(2_718, 0);
    for _ in 0..kills() {
        // The moment is what the test is about.
        tokio::time::sleep(Duration::from_millis(u64::from(rng.next_u32() % LIFE_MS))).await;
        let next = move || server.kill().start::<Arena>(SETTINGS);
        server = tokio::task::spawn_blocking(next).await.expect("a server that starts");
        assert_eq!(server.metric("quarrel_rooms_resumed_total"), ROOMS as f64, "every room is back");
    }
    until("everybody to be back", || server.metric("quarrel_seats_held") == 0.0).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    enough.cancel();
    for player in players {
        let (returns, most) = within("a player", player).await.expect("a player whose seat is theirs");
        println!("back {returns} times, lost {most} ms at most");
        assert!(returns > 0 && most <= 500, "{returns} returns, {most} ms lost");
    }
    let persisted = tokio::task::spawn_blocking(|| server.stop()).await.expect("a server that stops");
    assert!(persisted.journals.aside().is_empty());
    for room in 1..=ROOMS {
        let name = JournalName { run: 1, room };
        let mut kept: Vec<_> = persisted.records.records();
        kept.retain(|record| record.journal == Some(name.to_string()));
        let mut kept: Vec<_> = kept.iter().map(|record| record.tick).collect();
        kept.sort_unstable();
        assert_eq!(kept, ends(&persisted, name), "every result that happened, once each");
    }
}
