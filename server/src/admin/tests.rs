//! The plane over real TCP on port 0, asked as any client would.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::dto::RoomState;
use super::*;

/// A server that says whatever the test wants.
struct Fake {
    rooms: Mutex<Vec<RoomListing>>,
    readiness: Mutex<Readiness>,
}

impl Asked for Fake {
    fn rooms(&self) -> Vec<RoomListing> {
        self.rooms.lock().unwrap().clone()
    }

    fn players(&self) -> Vec<PlayerListing> {
        vec![PlayerListing {
            id: "1".into(),
            name: "Ada".into(),
            room: Some("7".into()),
            seat: Some(3),
            address: "[::1]:4000".parse().unwrap(),
            rtt_ms: 12,
            connected_s: 60,
        }]
    }

    fn readiness(&self) -> Readiness {
        *self.readiness.lock().unwrap()
    }

    fn certificate_sha256(&self) -> String {
        "ab".repeat(32)
    }

    /// The room's id says what becomes of it.
    fn mark(&self, room: &str, reason: String) -> Marking {
        let answer = match room {
            "7" => Ok(Mark { room: room.into(), tick: 9, journal: reason, mark: 2 }),
            "8" => Err(MarkRefusal::NotWritten("there is a gap".into())),
            "9" => Err(MarkRefusal::Busy("it is full".into())),
            "10" => return Box::pin(std::future::pending()),
            _ => Err(MarkRefusal::NoRoom),
        };
        Box::pin(async { answer })
    }
}

fn room(tick: u32) -> RoomListing {
    RoomListing {
        id: "7".into(),
        game: "arena",
        tick,
        seats: 16,
        players: 2,
        bots: 4,
        tick_rate: 30,
        state: RoomState::Playing,
        overruns: 0,
        age_s: 5,
        journal: Some("run-00001-room-000007.journal".into()),
    }
}

fn started() -> (Arc<Fake>, AdminHandle, CancellationToken) {
    let fake = Arc::new(Fake { rooms: Mutex::new(vec![room(1)]), readiness: Mutex::new(Readiness::Ready) });
    let stop = CancellationToken::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let handle = start(listener, Arc::<Fake>::clone(&fake), Metrics::new(), stop.clone()).unwrap();
    (fake, handle, stop)
}

/// Sends bytes and reads until the other end closes: status and body.
fn sent(address: SocketAddr, request: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default();
    (status, body)
}

fn asked(address: SocketAddr, path: &str) -> (u16, String) {
    sent(address, &format!("GET {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n"))
}

#[test]
fn every_route_answers() {
    let (_, handle, _) = started();
    for route in api::ROUTES {
        assert_eq!(asked(handle.local_address(), route).0, 200, "{route}");
    }
    handle.shutdown();
}

#[test]
fn listings_have_the_fields_that_programs_read() {
    let (_, handle, _) = started();
    let (_, body) = asked(handle.local_address(), "/v1/rooms");
    let expected = "{\"rooms\":[{\"id\":\"7\",\"game\":\"arena\",\"tick\":1,\"seats\":16,\"players\":2,\"bots\":4,\
                    \"tick_rate\":30,\"state\":\"playing\",\"overruns\":0,\"age_s\":5,\"journal\":\"run-00001-room-000007.journal\"}]}";
    assert_eq!(body, expected);
    let (_, body) = asked(handle.local_address(), "/v1/players");
    let expected = "{\"players\":[{\"id\":\"1\",\"name\":\"Ada\",\"room\":\"7\",\"seat\":3,\
                    \"address\":\"[::1]:4000\",\"rtt_ms\":12,\"connected_s\":60}]}";
    assert_eq!(body, expected);
    let (_, body) = asked(handle.local_address(), "/v1/certificate");
    assert_eq!(body, format!("{{\"sha256\":\"{}\"}}", "ab".repeat(32)));
    handle.shutdown();
}

#[test]
fn a_lost_visitor_is_shown_the_routes() {
    let (_, handle, _) = started();
    let (status, body) = asked(handle.local_address(), "/v2/rooms");
    assert_eq!(status, 404);
    assert!(body.contains("\"routes\":[\"/\",\"/livez\""), "{body}");
    assert!(body.contains("\"actions\":[\"POST /v1/rooms/{id}/mark\"]"), "{body}");
    let (status, _) =
        sent(handle.local_address(), "POST /livez HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n");
    assert_eq!(status, 405);
    handle.shutdown();
}

/// Posts to a room's mark; `kind` is the content's type, and maybe more header fields.
fn marked(address: SocketAddr, room: &str, kind: &str, body: &str) -> (u16, String) {
    let length = body.len();
    let head = format!("POST /v1/rooms/{room}/mark HTTP/1.1\r\nHost: here\r\nConnection: close");
    sent(address, &format!("{head}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}"))
}

#[test]
fn a_moment_is_marked_or_it_is_said_why_not() {
    let (_, handle, _) = started();
    let address = handle.local_address();
    let ask = |room: &str, body: &str| marked(address, room, "application/json", body);
    let reason = "{\"reason\":\"why\"}";
    let expected = "{\"room\":\"7\",\"tick\":9,\"journal\":\"why\",\"mark\":2}";
    assert_eq!(ask("7", reason), (200, expected.into()));
    assert_eq!(ask("8", reason), (409, "{\"error\":\"there is a gap\"}".into()));
    assert_eq!(ask("9", reason), (503, "{\"error\":\"it is full\"}".into()));
    assert_eq!(ask("10", reason), (503, "{\"error\":\"the room does not answer\"}".into()));
    assert_eq!(ask("11", reason), (404, "{\"error\":\"no such room\"}".into()));
    assert_eq!(ask("7", "{\"reason\":\"\"}"), (400, "{\"error\":\"the reason is empty\"}".into()));
    handle.shutdown();
}

#[test]
fn a_page_in_a_browser_cannot_mark() {
    let (_, handle, _) = started();
    let address = handle.local_address();
    // The second is of a name that leads here by now.
    for origin in ["http://elsewhere", "http://here", "null"] {
        let kind = format!("application/json\r\nOrigin: {origin}");
        let (status, body) = marked(address, "7", &kind, "{\"reason\":\"why\"}");
        assert_eq!((status, body.as_str()), (403, "{\"error\":\"web pages are not answered here\"}"));
    }
    let (status, body) = marked(address, "7", "text/plain", "{\"reason\":\"why\"}");
    assert_eq!((status, body.as_str()), (415, "{\"error\":\"the content-type must be application/json\"}"));
    let preflight = "OPTIONS /v1/rooms/7/mark HTTP/1.1\r\nHost: here\r\nOrigin: http://elsewhere\r\n\
                     Access-Control-Request-Headers: content-type\r\nConnection: close\r\n\r\n";
    assert_eq!(sent(address, preflight).0, 405, "a browser that asks first is not allowed to");
    handle.shutdown();
}

#[test]
fn a_mark_is_bounded_and_posted() {
    let (_, handle, _) = started();
    let address = handle.local_address();
    let (status, body) = asked(address, "/v1/rooms/7/mark");
    assert_eq!((status, body.as_str()), (405, "{\"error\":\"only POST is answered\"}"));
    let large = format!("{{\"reason\":\"{}\"}}", "a".repeat(5000));
    let (status, body) = marked(address, "7", "application/json", &large);
    assert_eq!((status, body.as_str()), (413, "{\"error\":\"the body is longer than 4 KiB\"}"));
    handle.shutdown();
}

#[test]
fn a_room_that_stands_still_makes_the_server_not_live() {
    let (fake, handle, _) = started();
    assert_eq!(asked(handle.local_address(), "/livez").0, 200);
    let deadline = Instant::now() + Duration::from_secs(20);
    let body = loop {
        let (status, body) = asked(handle.local_address(), "/livez");
        if status == 503 {
            break body;
        }
        assert!(Instant::now() < deadline, "a room that stands still must be noticed");
        std::thread::yield_now();
    };
    assert_eq!(body, "{\"error\":\"rooms do not tick\",\"rooms\":[\"7\"]}");
    *fake.rooms.lock().unwrap() = vec![room(2)];
    assert_eq!(asked(handle.local_address(), "/livez").0, 200, "it ticks again");
    handle.shutdown();
}

#[test]
fn a_full_or_stopping_server_is_not_ready_and_says_why() {
    let (fake, handle, _) = started();
    for (readiness, reason) in [(Readiness::Full, "full"), (Readiness::Stopping, "stopping")] {
        *fake.readiness.lock().unwrap() = readiness;
        let (status, body) = asked(handle.local_address(), "/readyz");
        assert_eq!((status, body), (503, format!("{{\"error\":\"{reason}\"}}")));
    }
    handle.shutdown();
}

#[test]
fn the_servers_stop_ends_the_plane() {
    let (_, handle, stop) = started();
    let address = handle.local_address();
    stop.cancel();
    handle.join();
    assert!(TcpStream::connect(address).is_err(), "nobody listens any more");
}

#[test]
fn a_head_that_never_ends_is_cut_off() {
    let (_, handle, _) = started();
    let began = Instant::now();
    let (status, _) = sent(handle.local_address(), "GET / HTTP/1.1\r\nX-Slow: ");
    assert!(status == 0 || status == 408, "such a request has no answer");
    assert!(began.elapsed() >= Duration::from_secs(4), "and was given its time");
    handle.shutdown();
}

#[test]
fn who_comes_when_all_places_are_taken_waits_for_one() {
    let (_, handle, _) = started();
    let idle: Vec<_> =
        (0..listener::CONNECTIONS).map(|_| TcpStream::connect(handle.local_address()).unwrap()).collect();
    let address = handle.local_address();
    let waiting = std::thread::spawn(move || asked(address, "/readyz").0);
    drop(idle);
    assert_eq!(waiting.join().unwrap(), 200);
    handle.shutdown();
}
