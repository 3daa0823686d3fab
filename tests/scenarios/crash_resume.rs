//! Crash resume: a killed server's rooms continue from their journals with the same players, bots, match and score; players
//! without a restored seat may join again.

use std::collections::BTreeMap;

use quarrel_client::ClientEvent;
use quarrel_harness::{
    KillableServer, Player, RawPeer,
    games::Levers,
    killable_server::{lost_play_ms, wait_for_interruption, wait_for_resume},
    until,
};
use quarrel_server::storage::journals::{JournalName, JournalStore as _};
use quarrel_shared::{
    arena::{Arena, ArenaEntity},
    game::{Game, Predict},
    id::{RoomId, SeatId},
    journal::{Annotation, Journal, Playback, PlaybackStep},
    protocol::{ClientMessage, CloseReason, JoinTarget},
    snapshot::View,
    tick::Tick,
};

/// The first room of the first run.
const FIRST: JournalName = JournalName { run: 1, room: 1 };

/// A match that outlasts the test, with bots that fight.
const LONG_MATCH: &[(&str, &str)] = &[
    ("room.seats", "8"),
    ("room.bots", "6"),
    ("game.settings.score_to_win", "1000"),
    ("game.settings.time_limit_s", "3600"),
];

/// The match and every line of the score board as text, which are visible to every seat.
type Board = Vec<String>;

fn board<'a>(entities: impl Iterator<Item = &'a ArenaEntity>) -> Board {
    let shown = entities.filter(|entity| matches!(entity, ArenaEntity::Match(_) | ArenaEntity::Score(_)));
    shown.map(|entity| format!("{entity:?}")).collect()
}

/// The boards that a player received, by tick.
#[derive(Default)]
struct Shown(BTreeMap<Tick, Board>);

impl Shown {
    /// Records boards until a seat scores, and for this number of ticks after it.
    async fn watch(&mut self, player: &mut Player<Arena>, ticks: u32) {
        let mut scored = None;
        let scores = |entity: &ArenaEntity| match entity {
            ArenaEntity::Score(score) => u32::from(score.eliminations),
            _ => 0,
        };
        let mut first = None;
        let look = |view: &View<ArenaEntity>| {
            self.0.insert(view.tick, board(view.entities.iter().map(|(_, entity)| entity)));
            let sum: u32 = view.entities.iter().map(|(_, entity)| scores(entity)).sum();
            if sum > *first.get_or_insert(sum) {
                scored.get_or_insert(view.tick);
            }
            scored.is_some_and(|scored| view.tick.since(scored) >= ticks)
        };
        player.wait_for_view("a score", look).await;
    }

    fn last(&self) -> Tick {
        *self.0.last_key_value().expect("a board").0
    }

    /// Removes the boards of ticks after the restored one.
    fn roll_back(&mut self, after: Tick) {
        self.0.retain(|tick, _| *tick <= after);
    }

    /// Replays the whole journal: it must lead to every recorded board and hold one restart.
    fn assert_equals_journal(&self, bytes: &[u8]) {
        let journal = Journal::open(bytes).expect("a journal");
        assert_eq!((journal.tail(), journal.end()), (None, Some("server_stopping")));
        let resumed =
            journal.annotations().filter(|note| matches!(note, Ok((_, Annotation::Resumed { run: 2, .. }))));
        assert_eq!(resumed.count(), 1, "the journal must note the restart once");
        let mut playback = Playback::<Arena>::open(&journal).expect("a journal of this build's game");
        let mut compared = 0;
        while let Some(played) = playback.advance().expect("a good journal") {
            assert!(matches!(played, PlaybackStep::Tick(_) | PlaybackStep::Checkpoint(_)), "{played:?}");
            if let (PlaybackStep::Tick(_), Some(shown)) = (&played, self.0.get(&playback.tick())) {
                let entities = playback.game().entities().iter().map(|(_, entity)| entity);
                assert_eq!(*shown, board(entities), "after tick {}", playback.tick());
                compared += 1;
            }
        }
        assert_eq!(compared, self.0.len(), "the journal must hold every recorded tick");
    }
}

/// The names on the seats, from the roster that a resumed player receives.
async fn roster<G: Predict>(player: &mut Player<G>, seats: usize) -> BTreeMap<SeatId, (String, bool)> {
    let mut roster = BTreeMap::new();
    let complete = |event| {
        if let ClientEvent::SeatTaken { seat, name, bot } = event {
            roster.insert(seat, (name, bot));
        }
        (roster.len() == seats).then_some(())
    };
    player.wait_for("the whole roster", complete).await;
    roster
}

#[tokio::test]
async fn players_and_bots_continue_the_same_match_with_the_same_score() {
    let server = KillableServer::start::<Arena>(LONG_MATCH);
    let (mut ada, adas) = Player::<Arena>::connect_and_join(server.address(), "Ada").await;
    let (mut ben, bens) = Player::<Arena>::connect_and_join(server.address(), "Ben").await;
    let mut shown = Shown::default();
    shown.watch(&mut ada, 40).await;
    let server = server.kill().start::<Arena>(LONG_MATCH);
    let joined = wait_for_resume(&mut ada, &adas).await;
    wait_for_resume(&mut ben, &bens).await;
    let lost = lost_play_ms(&joined, shown.last());
    println!("{lost} ms lost");
    assert!(lost <= 500, "a crash may cost at most 500 ms of play, lost {lost}");
    shown.roll_back(joined.restored.expect("a restored room"));

    let roster = roster(&mut ada, 8).await;
    assert_eq!(roster[&adas.seat], ("Ada".to_owned(), false));
    assert_eq!(roster[&bens.seat], ("Ben".to_owned(), false));
    assert_eq!(roster.values().filter(|(_, bot)| *bot).count(), 6, "bots must keep their seats: {roster:?}");
    shown.watch(&mut ada, 10).await;
    let (mut carl, carls) = Player::<Arena>::connect_and_join(server.address(), "Carl").await;
    assert_eq!(carls.room, adas.room, "the restored room must accept new players");
    let players = [ada.welcome().player, ben.welcome().player];
    assert!(!players.contains(&carl.welcome().player), "new player ids must be above those of the first run");
    let listed = carl.list_rooms().await.expect("a list");
    assert_eq!(
        listed.iter().map(|room| room.id).collect::<Vec<_>>(),
        [RoomId(1)],
        "the room must keep its id"
    );
    assert_eq!(server.metric("quarrel_rooms_resumed_total"), 1.0);

    let persisted = tokio::task::spawn_blocking(|| server.stop()).await.expect("a server that stops");
    shown.assert_equals_journal(&persisted.journals.read(FIRST).expect("the journal"));
}

#[tokio::test]
async fn ids_of_new_rooms_and_players_are_above_the_restored_ones() {
    let one_seat = [("room.seats", "1")];
    let server = KillableServer::start::<Levers>(&one_seat);
    let (mut ada, adas) = Player::<Levers>::connect_and_join(server.address(), "Ada").await;
    let (mut ben, bens) = Player::<Levers>::connect_and_join(server.address(), "Ben").await;
    ada.wait_for_ticks(45).await;
    ben.wait_for_ticks(45).await;
    let server = server.kill().start::<Levers>(&one_seat);
    wait_for_resume(&mut ada, &adas).await;
    wait_for_resume(&mut ben, &bens).await;
    let (carl, carls) = Player::<Levers>::connect_and_join(server.address(), "Carl").await;
    assert_eq!(carls.room, RoomId(3));
    assert!(carl.welcome().player > ben.welcome().player, "{}", carl.welcome().player);
}

#[tokio::test]
async fn a_crash_before_the_answer_to_a_resume_arrives_keeps_the_ticket_valid() {
    let server = KillableServer::start::<Levers>(&[]);
    let (mut ben, bens) = Player::<Levers>::connect_and_join(server.address(), "Ben").await;
    let (mut ada, welcomed) = RawPeer::connect_new::<Levers>(server.address(), "Ada").await;
    ada.send(&ClientMessage::Join(JoinTarget::Quick)).await;
    let place = ada.receive_joined().await;
    ben.wait_for_ticks(45).await;
    let server = server.kill().start::<Levers>(&[]);
    let (answered, second) = RawPeer::resume::<Levers>(server.address(), &welcomed.ticket, 0).await;
    assert!(second.resumed && second.ticket != welcomed.ticket);
    wait_for_resume(&mut ben, &bens).await;
    until("the resume in the journal", || server.metric("quarrel_seats_held") == 0.0).await;
    ben.wait_for_ticks(45).await;
    let server = server.kill().start::<Levers>(&[]);
    drop(answered);
    // As if the answer had been lost, she presents the same ticket again.
    let (mut ada, third) = RawPeer::resume::<Levers>(server.address(), &welcomed.ticket, 0).await;
    assert!(third.resumed, "the ticket that she presented last must be valid");
    assert_eq!(ada.receive_joined().await, place);
    let refused = RawPeer::resume_refused::<Levers>(server.address(), &second.ticket, 0).await;
    assert_eq!(refused.code, Some(CloseReason::TicketUsed), "a seat may have one owner only");
}

#[tokio::test]
async fn a_player_in_the_lobby_of_a_killed_server_connects_to_the_next_one() {
    let server = KillableServer::start::<Levers>(&[]);
    let mut ada = Player::<Levers>::connect(server.address(), "Ada").await;
    let server = server.kill().start::<Levers>(&[]);
    wait_for_interruption(&mut ada).await;
    ada.join(JoinTarget::Quick).await.expect("a seat on the next server");
    ada.wait_for_ticks(10).await;
    assert_eq!(server.metric("quarrel_resumes_total{result=\"forgotten\"}"), 1.0);
}

/// Waits for the end of the seat; the player stays connected.
async fn loses_the_seat(ada: &mut Player<Levers>) -> CloseReason {
    let closed = |event| if let ClientEvent::RoomClosed { reason, .. } = event { Some(reason) } else { None };
    ada.wait_for("the seat's end", closed).await
}

#[tokio::test]
async fn a_player_whose_seat_was_not_restored_is_notified_and_may_join_again() {
    let server = KillableServer::start::<Levers>(&[]);
    let (mut ada, _) = Player::<Levers>::connect_and_join(server.address(), "Ada").await;
    ada.wait_for_ticks(45).await;
    let before = server.kill();
    let server = before.clone().start::<Levers>(&[("journal.resume", "off")]);
    assert_eq!(loses_the_seat(&mut ada).await, CloseReason::TicketExpired);
    let again = ada.join(JoinTarget::Quick).await.expect("a seat in a new room");
    assert_eq!(again.restored, None);
    ada.wait_for_ticks(45).await;
    let old = before.journals.read(FIRST).expect("the old journal");
    let old = Journal::open(&old).expect("a journal");
    assert_eq!(
        (old.end(), old.tail()),
        (Some("abandoned"), None),
        "a journal that is not restored must be ended"
    );
    assert!(before.journals.aside().is_empty());

    // The next start restores the run in between, and not the ended one.
    let _server = server.kill().start::<Levers>(&[]);
    wait_for_resume(&mut ada, &again).await;
}

#[tokio::test]
async fn a_start_without_journals_leaves_rooms_for_the_next_start() {
    let server = KillableServer::start::<Levers>(&[]);
    let (mut ada, joined) = Player::<Levers>::connect_and_join(server.address(), "Ada").await;
    ada.wait_for_ticks(45).await;
    let persisted = server.kill();
    drop(ada);
    let server = persisted.start::<Levers>(&[("journal.write", "off")]);
    let (ben, other) = Player::<Levers>::connect_and_join(server.address(), "Ben").await;
    assert!(other.room > joined.room, "the unrestored room must keep its id");
    drop(ben);
    let server = server.kill().start::<Levers>(&[]);
    assert_eq!(server.metric("quarrel_rooms_resumed_total"), 1.0);
}
