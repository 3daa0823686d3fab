//! Marks: an operator marks a moment of a room, and the room's journal holds the mark.

use std::sync::Arc;

use quarrel_harness::{
    Player,
    http::{get, post},
    start_with_journals,
};
use quarrel_server::{
    server::Server,
    storage::journals::{JournalName, JournalStore as _, MemoryStore},
};
use quarrel_shared::{
    crowd::Crowd,
    journal::{Annotation, Journal},
    tick::Tick,
};
use serde_json::json;

const JOURNAL: JournalName = JournalName { run: 1, room: 1 };

fn server(run: u32, journals: &MemoryStore) -> Server<Crowd> {
    start_with_journals(run, Some(Arc::new(journals.clone())), &[])
}

fn http(server: &Server<Crowd>) -> std::net::SocketAddr {
    server.http_address().expect("an admin HTTP server")
}

/// Every mark of a journal.
fn marks(journals: &MemoryStore, name: JournalName) -> Vec<(Tick, String)> {
    let bytes = journals.read(name).expect("a journal");
    let journal = Journal::open(&bytes).expect("a journal that can be read");
    let mark = |note| match note {
        Ok((tick, Annotation::Mark { reason })) => Some((tick, reason)),
        _ => None,
    };
    journal.annotations().filter_map(mark).collect()
}

#[tokio::test]
async fn a_mark_is_written_to_the_journal_that_the_listing_names() {
    let journals = MemoryStore::default();
    let server = server(1, &journals);
    let (mut ada, joined) = Player::<Crowd>::connect_and_join(server.address(), "Ada").await;
    ada.wait_for_ticks(5).await;
    let rooms = get(http(&server), "/v1/rooms").await.json();
    assert_eq!(rooms["rooms"][0]["journal"], JOURNAL.to_string(), "{rooms}");

    let path = format!("/v1/rooms/{}/mark", joined.room);
    let first = post(http(&server), &path, &json!({"reason": "Ada, seat 0: \u{fc}ber"})).await;
    assert_eq!(first.status, 200, "{}", first.body);
    let first = first.json();
    ada.wait_for_ticks(5).await;
    let second = post(http(&server), &path, &json!({"reason": "again"})).await.json();
    let expected = json!({"room": "1", "tick": second["tick"], "journal": JOURNAL.to_string(), "mark": 2});
    assert_eq!(second, expected, "a mark must have a number, which `replay slice --around` takes");
    let ticks = [&first, &second].map(|mark| Tick(mark["tick"].as_u64().expect("a tick") as u32));
    assert!(Tick(0) < ticks[0] && ticks[0] < ticks[1], "a mark must have the tick of its room: {ticks:?}");
    assert!(server.shutdown().await);
    let expected = [(ticks[0], "Ada, seat 0: \u{fc}ber".to_owned()), (ticks[1], "again".to_owned())];
    assert_eq!(marks(&journals, JOURNAL), expected);
}

#[tokio::test]
async fn mark_numbers_continue_in_a_restored_room() {
    let journals = MemoryStore::default();
    let first = server(1, &journals);
    let (_ada, _) = Player::<Crowd>::connect_and_join(first.address(), "Ada").await;
    let body = json!({"reason": "before"});
    assert_eq!(post(http(&first), "/v1/rooms/1/mark", &body).await.json()["mark"], 1);
    assert!(first.shutdown_and_save().await);

    let second = server(2, &journals);
    let rooms = get(http(&second), "/v1/rooms").await.json();
    assert_eq!(
        rooms["rooms"][0]["journal"],
        JOURNAL.to_string(),
        "a restored room must keep its journal: {rooms}"
    );
    let after = post(http(&second), "/v1/rooms/1/mark", &json!({"reason": "after"})).await;
    assert_eq!((after.status, &after.json()["mark"]), (200, &json!(2)), "{}", after.body);
    assert!(second.shutdown().await);
    let reasons: Vec<_> = marks(&journals, JOURNAL).into_iter().map(|(_, reason)| reason).collect();
    assert_eq!(reasons, ["before", "after"]);
}

#[tokio::test]
async fn a_mark_of_a_missing_room_or_one_without_a_journal_is_refused() {
    let server = start_with_journals::<Crowd>(1, None, &[]);
    let body = json!({"reason": "why not"});
    for room in ["1", "none", "-1", "99999999999999999999"] {
        let answer = post(http(&server), &format!("/v1/rooms/{room}/mark"), &body).await;
        assert_eq!((answer.status, answer.body.as_str()), (404, "{\"error\":\"no such room\"}"), "{room}");
    }
    let (_ada, _) = Player::<Crowd>::connect_and_join(server.address(), "Ada").await;
    let answer = post(http(&server), "/v1/rooms/1/mark", &body).await;
    assert_eq!(answer.status, 409, "{}", answer.body);
    assert!(answer.body.contains("the room has no journal"), "{}", answer.body);
    let rooms = get(http(&server), "/v1/rooms").await.json();
    assert_eq!(rooms["rooms"][0]["journal"], json!(null), "{rooms}");
    assert_eq!(server.metrics().journals.marks.get(), 0, "refused marks must not be counted");
    assert!(server.shutdown().await);
}
