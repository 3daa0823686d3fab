//! A killed server's rooms go on where their journals end: the same players, bots, match and score; and whom it forgot, it lets in.

use std::collections::BTreeMap;

use quarrel_client::ClientEvent;
use quarrel_harness::{
    KillableServer, Player, RawPeer,
    games::Levers,
    killable_server::{wait_for_resume, wait_for_interruption, lost_play_ms},
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

/// A match that goes on for as long as the test does, and fighters who make it one.
const LONG_MATCH: &[(&str, &str)] = &[
    ("room.seats", "8"),
    ("room.bots", "6"),
    ("game.settings.score_to_win", "1000"),
    ("game.settings.time_limit_s", "3600"),
];

/// The match and everybody's line on the score board, as text: what everybody sees whole.
type Board = Vec<String>;

fn board<'a>(entities: impl Iterator<Item = &'a ArenaEntity>) -> Board {
    let shown = entities.filter(|entity| matches!(entity, ArenaEntity::Match(_) | ArenaEntity::Score(_)));
    shown.map(|entity| format!("{entity:?}")).collect()
}

/// What a player was shown, tick by tick.
#[derive(Default)]
struct Shown(BTreeMap<Tick, Board>);

impl Shown {
    /// Looks on until somebody new has scored, and then for so many ticks.
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
        player.wait_for_view("somebody who scores", look).await;
    }

    fn last(&self) -> Tick {
        *self.0.last_key_value().expect("something was shown").0
    }

    /// What was shown of later ticks did not happen.
    fn undo(&mut self, after: Tick) {
        self.0.retain(|tick, _| *tick <= after);
    }

    /// Plays the whole journal again: it leads to every board that was shown, and the room was brought back in it once.
    fn is_what_the_journal_says(&self, bytes: &[u8]) {
        let journal = Journal::open(bytes).expect("a journal");
        assert_eq!((journal.tail(), journal.end()), (None, Some("server_stopping")));
        let resumed =
            journal.annotations().filter(|note| matches!(note, Ok((_, Annotation::Resumed { run: 2, .. }))));
        assert_eq!(resumed.count(), 1, "it says that it was brought back");
        let mut playback = Playback::<Arena>::begin(&journal).expect("a game of this build");
        let mut compared = 0;
        while let Some(played) = playback.advance().expect("a good journal") {
            assert!(matches!(played, PlaybackStep::Tick(_) | PlaybackStep::Checkpoint(_)), "{played:?}");
            if let (PlaybackStep::Tick(_), Some(shown)) = (&played, self.0.get(&playback.tick())) {
                let entities = playback.game().entities().iter().map(|(_, entity)| entity);
                assert_eq!(*shown, board(entities), "after tick {}", playback.tick());
                compared += 1;
            }
        }
        assert_eq!(compared, self.0.len(), "all that was shown and did happen is in it");
    }
}

/// Who sits where, as a player is told on the way back.
async fn roster<G: Predict>(player: &mut Player<G>, seats: usize) -> BTreeMap<SeatId, (String, bool)> {
    let mut roster = BTreeMap::new();
    let complete = |event| {
        if let ClientEvent::SeatTaken { seat, name, bot } = event {
            roster.insert(seat, (name, bot));
        }
        (roster.len() == seats).then_some(())
    };
    player.wait_for("everybody who sits there", complete).await;
    roster
}

#[tokio::test]
async fn the_same_players_and_bots_go_on_in_the_same_match_with_the_same_score() {
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
    assert!(lost <= 500, "{lost} ms are lost");
    shown.undo(joined.restored.expect("it was brought back"));

    let roster = roster(&mut ada, 8).await;
    assert_eq!(roster[&adas.seat], ("Ada".to_owned(), false));
    assert_eq!(roster[&bens.seat], ("Ben".to_owned(), false));
    assert_eq!(roster.values().filter(|(_, bot)| *bot).count(), 6, "the bots' seats are theirs: {roster:?}");
    shown.watch(&mut ada, 10).await;
    let (mut carl, carls) = Player::<Arena>::connect_and_join(server.address(), "Carl").await;
    assert_eq!(carls.room, adas.room, "the room takes others as ever");
    let players = [ada.welcome().player, ben.welcome().player];
    assert!(!players.contains(&carl.welcome().player), "numbers go on above those who were here");
    let listed = carl.list_rooms().await.expect("a list");
    assert_eq!(listed.iter().map(|room| room.id).collect::<Vec<_>>(), [RoomId(1)], "the room kept its id");
    assert_eq!(server.metric("quarrel_rooms_resumed_total"), 1.0);

    let persisted = tokio::task::spawn_blocking(|| server.stop()).await.expect("a server that stops");
    shown.is_what_the_journal_says(&persisted.journals.read(FIRST).expect("the journal"));
}

#[tokio::test]
async fn rooms_and_players_of_the_next_run_are_numbered_above_those_that_were_brought_back() {
    let alone = [("room.seats", "1")];
    let server = KillableServer::start::<Levers>(&alone);
    let (mut ada, adas) = Player::<Levers>::connect_and_join(server.address(), "Ada").await;
    let (mut ben, bens) = Player::<Levers>::connect_and_join(server.address(), "Ben").await;
    ada.wait_for_ticks(45).await;
    ben.wait_for_ticks(45).await;
    let server = server.kill().start::<Levers>(&alone);
    wait_for_resume(&mut ada, &adas).await;
    wait_for_resume(&mut ben, &bens).await;
    let (carl, carls) = Player::<Levers>::connect_and_join(server.address(), "Carl").await;
    assert_eq!(carls.room, RoomId(3));
    assert!(carl.welcome().player > ben.welcome().player, "{}", carl.welcome().player);
}

#[tokio::test]
async fn a_crash_while_the_answer_to_a_resume_is_under_way_leaves_the_ticket_good() {
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
    until("the journal to know of her return", || server.metric("quarrel_seats_held") == 0.0).await;
    ben.wait_for_ticks(45).await;
    let server = server.kill().start::<Levers>(&[]);
    drop(answered);
    // As if the answer had never come: she shows what she showed before.
    let (mut ada, third) = RawPeer::resume::<Levers>(server.address(), &welcomed.ticket, 0).await;
    assert!(third.resumed, "the ticket that she showed last is good");
    assert_eq!(ada.receive_joined().await, place);
    let refused = RawPeer::resume_refused::<Levers>(server.address(), &second.ticket, 0).await;
    assert_eq!(refused.code, Some(CloseReason::TicketUsed), "and nobody has her seat twice");
}

#[tokio::test]
async fn whoever_waited_in_the_lobby_of_a_killed_server_waits_in_that_of_the_next() {
    let server = KillableServer::start::<Levers>(&[]);
    let mut ada = Player::<Levers>::connect(server.address(), "Ada").await;
    let server = server.kill().start::<Levers>(&[]);
    wait_for_interruption(&mut ada).await;
    ada.join(JoinTarget::Quick).await.expect("a seat on the next server");
    ada.wait_for_ticks(10).await;
    assert_eq!(server.metric("quarrel_resumes_total{result=\"forgotten\"}"), 1.0);
}

/// The seat is gone, and its player is there.
async fn loses_the_seat(ada: &mut Player<Levers>) -> CloseReason {
    let closed = |event| if let ClientEvent::RoomClosed { reason, .. } = event { Some(reason) } else { None };
    ada.wait_for("word of the seat", closed).await
}

#[tokio::test]
async fn a_player_whose_seat_was_not_brought_back_is_told_so_and_may_sit_down_again() {
    let server = KillableServer::start::<Levers>(&[]);
    let (mut ada, _) = Player::<Levers>::connect_and_join(server.address(), "Ada").await;
    ada.wait_for_ticks(45).await;
    let before = server.kill();
    let server = before.clone().start::<Levers>(&[("journal.resume", "off")]);
    assert_eq!(loses_the_seat(&mut ada).await, CloseReason::TicketExpired);
    let again = ada.join(JoinTarget::Quick).await.expect("a seat in a room that is new");
    assert_eq!(again.restored, None);
    ada.wait_for_ticks(45).await;
    let old = before.journals.read(FIRST).expect("the old journal is kept");
    let old = Journal::open(&old).expect("a journal");
    assert_eq!((old.end(), old.tail()), (Some("abandoned"), None), "it has ended");
    assert!(before.journals.aside().is_empty());

    // What is gone stays gone, and the run between is brought back.
    let _server = server.kill().start::<Levers>(&[]);
    wait_for_resume(&mut ada, &again).await;
}

#[tokio::test]
async fn a_start_that_writes_no_journals_leaves_rooms_to_the_next_one() {
    let server = KillableServer::start::<Levers>(&[]);
    let (mut ada, joined) = Player::<Levers>::connect_and_join(server.address(), "Ada").await;
    ada.wait_for_ticks(45).await;
    let persisted = server.kill();
    drop(ada);
    let server = persisted.start::<Levers>(&[("journal.write", "off")]);
    let (ben, other) = Player::<Levers>::connect_and_join(server.address(), "Ben").await;
    assert!(other.room > joined.room, "her room has its number still");
    drop(ben);
    let server = server.kill().start::<Levers>(&[]);
    assert_eq!(server.metric("quarrel_rooms_resumed_total"), 1.0);
}
