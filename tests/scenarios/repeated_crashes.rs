//! Repeated server kills at random moments: during play, while its players return, and before the first tick.

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

/// The number of kills without `QUARREL_KILLS`.
const KILLS: usize = 12;

/// The longest run of a server between two kills, in milliseconds.
const MAX_RUN_MS: u32 = 900;

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

/// Plays until `enough` and checks that every resume returns the same seat. Returns the number of resumes and the longest play
/// lost at one of them, in milliseconds.
async fn play(mut player: Player<Arena>, before: Joined, enough: CancellationToken) -> (usize, u32) {
    let (mut resumes, mut max_lost_ms, mut seen) = (0, 0, before.tick);
    while let Some(Some(event)) = enough.run_until_cancelled(player.next()).await {
        match event {
            ClientEvent::View(view) => seen = view.tick,
            ClientEvent::Resumed(joined) => {
                assert_eq!(
                    (joined.room, joined.seat),
                    (before.room, before.seat),
                    "a resume must return the same seat"
                );
                assert!(joined.restored.is_some(), "the room must be restored");
                max_lost_ms = max_lost_ms.max(lost_play_ms(&joined, seen));
                seen = joined.tick;
                resumes += 1;
            }
            ClientEvent::Joined(_) | ClientEvent::RoomClosed { .. } | ClientEvent::Closed(_) => {
                panic!("a kill must not cost a seat: {event:?}");
            }
            _ => {}
        }
    }
    (resumes, max_lost_ms)
}

/// The ticks at which matches ended, from a replay of the whole journal.
fn ends(persisted: &PersistedState, name: JournalName) -> Vec<u32> {
    let bytes = persisted.journals.read(name).expect("the room's journal");
    let journal = Journal::open(&bytes).expect("a journal");
    assert_eq!((journal.tail(), journal.end()), (None, Some("server_stopping")), "{name}");
    let resumed =
        journal.annotations().filter(|note| matches!(note, Ok((_, Annotation::Resumed { .. })))).count();
    assert!(resumed <= kills());
    let mut playback = Playback::<Arena>::open(&journal).expect("a game of this build");
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
async fn repeated_crashes_cost_no_player_a_seat_and_no_match_its_result() {
    let mut server = KillableServer::start::<Arena>(SETTINGS);
    let (enough, mut players) = (CancellationToken::new(), Vec::new());
    for at in 0..8 {
        let (player, joined) =
            Player::<Arena>::connect_and_join(server.address(), &format!("player {at}")).await;
        players.push((player, joined));
    }
    // Two players stay in each room, and bots take the other seats.
    for (player, _) in players.drain(2..6) {
        player.disconnect().await;
    }
    let play = |(player, joined)| tokio::spawn(play(player, joined, enough.clone()));
    let players: Vec<_> = players.into_iter().map(play).collect();
    until("two rooms", || server.metric("quarrel_rooms") == ROOMS as f64).await;
    // Longer than rooms and storage buffer entries, so that the journals hold every seat.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let mut rng = GameRng::new(2_718, 0);
    for _ in 0..kills() {
        // The random moment of the kill is the subject of the test.
        tokio::time::sleep(Duration::from_millis(u64::from(rng.next_u32() % MAX_RUN_MS))).await;
        let next = move || server.kill().start::<Arena>(SETTINGS);
        server = tokio::task::spawn_blocking(next).await.expect("a server that starts");
        assert_eq!(server.metric("quarrel_rooms_resumed_total"), ROOMS as f64, "every room must be restored");
    }
    until("the return of every player", || server.metric("quarrel_seats_held") == 0.0).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    enough.cancel();
    for player in players {
        let (resumes, max_lost_ms) = within("a player's end", player).await.expect("a player with a seat");
        println!("resumed {resumes} times, lost at most {max_lost_ms} ms");
        assert!(
            resumes > 0 && max_lost_ms <= 500,
            "a crash may cost at most 500 ms of play: {resumes} resumes, {max_lost_ms} ms lost"
        );
    }
    let persisted = tokio::task::spawn_blocking(|| server.stop()).await.expect("a server that stops");
    assert!(persisted.journals.aside().is_empty());
    for room in 1..=ROOMS {
        let name = JournalName { run: 1, room };
        let mut kept: Vec<_> = persisted.records.records();
        kept.retain(|record| record.journal == Some(name.to_string()));
        let mut kept: Vec<_> = kept.iter().map(|record| record.tick).collect();
        kept.sort_unstable();
        assert_eq!(kept, ends(&persisted, name), "every result must be stored once");
    }
}
